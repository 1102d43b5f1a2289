#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

Draft stablelm() { return Draft(open_checkpoint(family_data("stablelm", "stablelm-2") / "checkpoint")); }

}  // namespace

TEST_CASE("stablelm: a norm for each head of q and k, both branches behind one norm", "[plugins][stablelm]") {
  const auto spec = stablelm().register_it();
  CHECK(spec->family == "stablelm");
  const auto& attention = blueprint<Attention>(*spec, "attention_1");
  REQUIRE(attention.head_norms);
  CHECK(attention.head_norms->q.size() == 4);
  CHECK(attention.head_norms->k.size() == 2);
  CHECK(attention.head_norms->q[3].weight == TensorRef{"model.layers.1.self_attn.q_layernorm.norms.3.weight", {}});
  CHECK_FALSE(attention.head_norms->q[3].bias);
  CHECK(linear(attention.q).bias);
  CHECK_FALSE(attention.o.bias);
  CHECK(blueprint<Layer>(*spec, "layer_0").stages.at(0).branches == std::vector<Branch>{{.norm = "input_layernorm_0", .op = "attention_0"}, {.norm = "input_layernorm_0", .op = "ffn_0"}});
}

TEST_CASE("stablelm: one branch after another, no norms of heads, no biases, unless the config says so", "[plugins][stablelm]") {
  auto draft = stablelm();
  for (const auto* key : {"use_parallel_residual", "qk_layernorm", "use_qkv_bias"}) draft.config.erase(key);
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "post_attention_layernorm.weight"));
  std::erase_if(draft.tensors, [](const TensorInfo& tensor) { return tensor.name.ends_with("_proj.bias") || tensor.name.find("_layernorm.norms.") != std::string::npos; });
  for (const std::string layer : {"0", "1", "2"})
    for (const std::string name : {"weight", "bias"})
      draft.tensors.push_back({"model.layers." + layer + ".post_attention_layernorm." + name, DType::kF32, {16}});
  const auto spec = draft.register_it();
  CHECK(blueprint<Layer>(*spec, "layer_0") == sequential({{.norm = "input_layernorm_0", .op = "attention_0"}, {.norm = "post_attention_layernorm_0", .op = "ffn_0"}}));
  CHECK_FALSE(blueprint<Attention>(*spec, "attention_0").head_norms);
}

// Half of a head of 4 dimensions turns in the references. Of a quarter the class makes something that no model has: a head of
// 5, since its table of one frequency is 2 wide.
TEST_CASE("stablelm: a quarter of a head turns where the config does not say how much", "[plugins][stablelm]") {
  auto draft = stablelm();
  draft.config.erase("partial_rotary_factor");
  draft.config["rope_parameters"] = nullptr;
  // A quarter of 4 dimensions is one.
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "(partial_rotary_factor 0.25)"));
}
