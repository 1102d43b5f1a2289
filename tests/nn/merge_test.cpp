// What is made of parts computes what the parts compute, one after another.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <garage/checkpoint.hpp>
#include <garage/merge.hpp>
#include <garage/nn/get_module.hpp>

#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;

namespace {

// The result of a recipe, and the models a and b that it is of, registered.
struct Merged {
  explicit Merged(const std::string& recipe) {
    for (const auto* model : {"a", "b"})
      registry->register_model(model, open_checkpoint(test_data("merges/models") / model));
    write_text(registry.folder / "recipe.yaml", recipe);
    Merge(registry.registry, registry.folder / "recipe.yaml").write(registry.folder / "out");
    registry->register_model("out", open_checkpoint(registry.folder / "out"));
  }
  torch::Tensor run(const std::string& model, const std::string& part, const torch::Tensor& x) {
    return nn::get_module(registry.registry, model, part, {torch::kCPU, torch::kFloat32})->forward(x);
  }
  torch::Tensor logits(const std::string& model) {
    return nn::load_model(registry.registry, model, {torch::kCPU, torch::kFloat32})->forward(ids);
  }

  TestRegistry registry;
  torch::Tensor ids = torch::arange(12).reshape({2, 6});
};

bool is_close(const torch::Tensor& a, const torch::Tensor& b, double tolerance = 1e-6) {
  return ((a - b).abs().max() / b.abs().max()).item<double>() < tolerance;
}

}  // namespace

TEST_CASE("merge: layers of two models give the logits that running them by hand gives", "[nn][merge]") {
  Merged merged(R"(
merge_method: passthrough
slices:
  - sources: [{model: a, layer_range: [0, 3]}]
  - sources: [{model: b, layer_range: [1, 4]}]
)");
  auto x = merged.run("a", "embedding", merged.ids);
  for (const auto* layer : {"layer_0", "layer_1", "layer_2"}) x = merged.run("a", layer, x);
  for (const auto* layer : {"layer_1", "layer_2", "layer_3"}) x = merged.run("b", layer, x);
  x = merged.run("b", "output_head", merged.run("b", "norm", x));
  CHECK(is_close(merged.logits("out"), x));
  CHECK(!is_close(merged.logits("out"), merged.logits("a")));
}

TEST_CASE("merge: another model's attention runs in its place", "[nn][merge]") {
  Merged merged("merge_method: passthrough\nmodels: [{model: a}]\nparts: {attention_1: 'b:attention_3'}\n");
  auto x = merged.run("a", "layer_0", merged.run("a", "embedding", merged.ids));
  x = x + merged.run("b", "attention_3", merged.run("a", "input_layernorm_1", x));
  x = x + merged.run("a", "ffn_1", merged.run("a", "post_attention_layernorm_1", x));
  for (const auto* part : {"layer_2", "layer_3", "norm", "output_head"}) x = merged.run("a", part, x);
  CHECK(is_close(merged.logits("out"), x));
}

TEST_CASE("merge: a mixture of one model many times computes what the model computes", "[nn][merge][mixture]") {
  const auto per_token = GENERATE(1, 2, 3);
  Merged merged("merge_method: passthrough\nmodels: [{model: a}]\nmixture: {as: mixtral, experts: [a, a, a], experts_per_token: " +
                std::to_string(per_token) + ", router: random}\n");
  CHECK(is_close(merged.logits("out"), merged.logits("a"), 1e-5));
}

TEST_CASE("merge: an expert of a mixture gives what its model's feed-forward gives", "[nn][merge][mixture]") {
  Merged merged("merge_method: passthrough\nmodels: [{model: a}]\nmixture: {as: mixtral, experts: [a, b], experts_per_token: 2, router: random}\n");
  const auto x = merged.run("a", "embedding", merged.ids);
  const auto weights = merged.run("out", "gate_1", x).softmax(-1);
  const auto by_hand = weights.select(-1, 0).unsqueeze(-1) * merged.run("a", "ffn_1", x) +
                       weights.select(-1, 1).unsqueeze(-1) * merged.run("b", "ffn_1", x);
  CHECK(is_close(merged.run("out", "ffn_1", x), by_hand, 1e-5));
  CHECK(!is_close(merged.logits("out"), merged.logits("a"), 1e-5));
}
