#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

TEST_CASE("jamba: one layer of some attends without positions, one of some is a mixture", "[plugins][jamba]") {
  const auto spec = registered("jamba/jamba");
  CHECK(spec->family == "jamba");
  const auto& mixer = blueprint<ChannelStateSpace>(*spec, "mixer_0");
  CHECK(mixer.dt_norm->weight->tensor == "model.layers.0.mamba.dt_layernorm.weight");
  CHECK(mixer.b_norm->size == mixer.state);
  CHECK(std::holds_alternative<std::monostate>(blueprint<Attention>(*spec, "attention_1").position));
  const auto& router = blueprint<Router>(*spec, "gate_1");
  CHECK(router.scoring == Scoring::softmax);
  CHECK_FALSE(router.renormalise);
  CHECK(blueprint<Mixture>(*spec, "ffn_1").experts.size() == 4);
  CHECK(std::holds_alternative<FeedForward>(*spec->parts.find("ffn_0")->blueprint));
}

TEST_CASE("jamba: an offset lies within its period", "[plugins][jamba]") {
  Draft draft("jamba/jamba");
  draft.config["attn_layer_period"] = 2;
  draft.config["attn_layer_offset"] = 2;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "'attn_layer_offset' is 2, should be less than attn_layer_period"));
}
