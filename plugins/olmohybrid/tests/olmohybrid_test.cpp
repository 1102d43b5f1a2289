#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

TEST_CASE("olmo hybrid: delta nets norm before, attentions behind", "[plugins][olmohybrid]") {
  const auto spec = registered("olmohybrid/olmo-hybrid");
  CHECK(spec->family == "olmohybrid");
  const auto& net = blueprint<DeltaNet>(*spec, "mixer_0");
  CHECK(net.beta_scale == 2);
  CHECK(net.norm.eps == 1e-5);
  CHECK(net.q_conv.tensor == "model.layers.0.linear_attn.q_conv1d.weight");
  const auto& linear = blueprint<Layer>(*spec, "layer_0").stages[0].branches[0];
  CHECK(linear.norm.has_value());
  CHECK_FALSE(linear.post_norm);
  const auto& full = blueprint<Layer>(*spec, "layer_2").stages[0].branches[0];
  CHECK_FALSE(full.norm);
  CHECK(full.post_norm == PartRef<PartRole::norm>("post_attention_layernorm_2"));
  CHECK(blueprint<Norm>(*spec, "post_attention_layernorm_2").weight->tensor == "model.layers.2.feedforward_layer_norm.weight");
  CHECK(blueprint<Attention>(*spec, "attention_2").q_norm->size == 16);
  CHECK(rope(blueprint<Attention>(*spec, "attention_2")).in_float32 == true);
}

TEST_CASE("olmo hybrid: without a theta there is no rope, and without the key beta is not doubled", "[plugins][olmohybrid]") {
  Draft draft("olmohybrid/olmo-hybrid");
  draft.config["rope_parameters"] = {{"rope_type", "default"}, {"rope_theta", nullptr}};
  draft.config["linear_allow_neg_eigval"] = false;
  const auto spec = draft.register_it();
  CHECK(std::holds_alternative<std::monostate>(blueprint<Attention>(*spec, "attention_2").position));
  CHECK_FALSE(blueprint<DeltaNet>(*spec, "mixer_0").beta_scale);
  draft.config["layer_types"] = {"linear_attention", "sliding_attention", "full_attention"};
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "layer_types has 'sliding_attention'"));
}
