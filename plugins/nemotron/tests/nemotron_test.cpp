#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

Draft nemotron() { return Draft(open_checkpoint(family_data("nemotron", "nemotron") / "checkpoint")); }

}  // namespace

TEST_CASE("nemotron: layer norms whose weights lie around 0, a squared ReLU, half a head turns", "[plugins][nemotron]") {
  auto draft = nemotron();
  const auto spec = draft.register_it();
  CHECK(spec->family == "nemotron");
  const auto& norm = blueprint<Norm>(*spec, "post_attention_layernorm_2");
  CHECK(norm.kind == NormKind::layer);
  CHECK(norm.weight_offset == 1);
  CHECK(norm.bias);
  CHECK(blueprint<FeedForward>(*spec, "ffn_0").activation == "relu2");
  CHECK_FALSE(blueprint<FeedForward>(*spec, "ffn_0").gate);
  CHECK(rope(blueprint<Attention>(*spec, "attention_0")).dims == 2);
  draft.config.erase("partial_rotary_factor");
  draft.config.erase("rope_parameters");
  for (const auto* key : {"hidden_act", "norm_eps", "attention_bias", "mlp_bias", "tie_word_embeddings", "head_dim"}) draft.config.erase(key);
  CHECK(draft.register_it()->parts == spec->parts);
}

TEST_CASE("nemotron: biases of attention and feed-forward are the config's", "[plugins][nemotron]") {
  for (const auto& [key, says] : {std::pair{"attention_bias", "self_attn.q_proj.bias"}, {"mlp_bias", "mlp.up_proj.bias"}}) {
    auto draft = nemotron();
    draft.config[key] = true;
    CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, says));
  }
}
