#include <garage/children.hpp>
#include <garage/sdk/attention.hpp>
#include <garage/sdk/layer_builder.hpp>
#include <garage/sdk/mlp.hpp>
#include <garage/sdk/stack_builder.hpp>

#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"

using namespace garage;
using namespace garage::sdk;
using namespace garage::test;

namespace {

constexpr StackDims kDims = {.hidden = 16, .layers = 1, .heads = 4, .kv_heads = 2, .head_dim = 4, .intermediate = 32, .vocab = 10, .max_positions = 8};

const Model& model() {
  static const Model made({{"model.layers.0.self_attn.q_proj.weight", DType::kF32, {16, 16}}}, {{"model_type", "x"}});
  return made;
}

// The spec of a stack whose one layer is built so.
template <class Build>
ModelSpec built(Build build) {
  StackBuilder text(model(), {.family = "x", .base_class = "XModel"}, kDims);
  for (auto& layer : text.layers()) build(layer);
  return text.finish();
}

const Layer& joined(const ModelSpec& spec) { return std::get<Layer>(spec.parts.find("layer_0")->blueprint.value()); }

std::vector<std::string> names(const ModelSpec& spec) {
  std::vector<std::string> list;
  for (const auto& [name, part] : spec.parts) list.push_back(name);
  return list;
}

}  // namespace

TEST_CASE("layer: two stages of a branch are a sequential one, its norms after its ops", "[sdk][layer]") {
  const auto spec = built([](LayerBuilder& layer) {
    layer.stage({.norm = layer.norm("n1", rms(1)), .op = gqa(layer, "self_attn")});
    layer.stage({.norm = layer.norm("n2", rms(1)), .op = gated_mlp(layer, "mlp", {"silu"})});
  });
  CHECK(names(spec) == std::vector<std::string>{"attention_0", "ffn_0", "n1_0", "n2_0", "layer_0", "model"});
  CHECK(joined(spec) == Layer{{{.branches = {{.norm = "n1_0", .op = "attention_0"}}}, {.branches = {{.norm = "n2_0", .op = "ffn_0"}}}}});
  const auto& layer = *spec.parts.find("layer_0");
  CHECK(children_of(layer) == std::vector<std::string>{"n1_0", "attention_0", "n2_0", "ffn_0"});
  CHECK(layer.intermediate_dim == 32);
  CHECK(layer.module_path == "model.layers.0");
  CHECK(spec.root == "model");
  CHECK(children_of(*spec.parts.find("model")) == std::vector<std::string>{"layer_0"});
}

TEST_CASE("layer: post norms make a sandwich", "[sdk][layer]") {
  const auto spec = built([](LayerBuilder& layer) {
    layer.stage({.norm = layer.norm("a", rms(1)), .op = gqa(layer, "self_attn"), .post_norm = layer.norm("b", rms(1))});
    layer.stage({.norm = layer.norm("c", rms(1)), .op = plain_mlp(layer, "mlp", {"gelu"}), .post_norm = layer.norm("d", rms(1))});
  });
  CHECK(joined(spec) == Layer{{{.branches = {{"a_0", "attention_0", "b_0"}}}, {.branches = {{"c_0", "ffn_0", "d_0"}}}}});
  CHECK(names(spec) == std::vector<std::string>{"attention_0", "ffn_0", "a_0", "b_0", "c_0", "d_0", "layer_0", "model"});
}

TEST_CASE("layer: one stage of two branches is a parallel one, and a norm of both is named once", "[sdk][layer]") {
  const auto of = [](bool two_norms) {
    return built([&](LayerBuilder& layer) {
      const auto norm = layer.norm("n1", layer_norm(1));
      layer.stage({{.norm = norm, .op = gqa(layer, "self_attn")},
                   {.norm = two_norms ? layer.norm("n2", layer_norm(1)) : norm, .op = plain_mlp(layer, "mlp", {"gelu"})}});
    });
  };
  CHECK(joined(of(true)) == Layer{{{.branches = {{.norm = "n1_0", .op = "attention_0"}, {.norm = "n2_0", .op = "ffn_0"}}}}});
  CHECK(joined(of(false)) == Layer{{{.branches = {{.norm = "n1_0", .op = "attention_0"}, {.norm = "n1_0", .op = "ffn_0"}}}}});
  CHECK(names(of(false)) == std::vector<std::string>{"attention_0", "ffn_0", "n1_0", "layer_0", "model"});
}

TEST_CASE("layer: one stage of one branch has no feed-forward", "[sdk][layer]") {
  const auto spec = built([](LayerBuilder& layer) { layer.stage({.norm = layer.norm("n", rms(1)), .op = gqa(layer, "self_attn")}); });
  CHECK(joined(spec) == Layer{{{.branches = {{.norm = "n_0", .op = "attention_0"}}}}});
  CHECK(spec.parts.find("layer_0")->intermediate_dim == std::nullopt);
}

TEST_CASE("layer: a branch may have no norm, and a stage one behind the sum", "[sdk][layer]") {
  const auto spec = built([](LayerBuilder& layer) {
    layer.stage(Stage{.branches = {{.op = gqa(layer, "self_attn")}}, .after = layer.norm("n", layer_norm(1))});
  });
  CHECK(joined(spec) == Layer{{{.branches = {{.op = "attention_0"}}, .after = "n_0"}}});
}

TEST_CASE("layer: layers that were not built are refused", "[sdk][layer]") {
  StackBuilder text(model(), {.family = "x", .base_class = "XModel"}, kDims);
  CHECK_THROWS_MATCHES(text.finish(), Error, is_error(Errc::kInternal, "0 of 1 layers were built"));
}
