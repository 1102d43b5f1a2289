// GLM-4's configs and layouts, held against transformers' own code (modeling_glm.py, modeling_glm4.py, modeling_glm4_moe.py,
// modeling_glm4_moe_lite.py and their configurations).
#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

const Attention& attention(const SpecPtr& spec) { return blueprint<Attention>(*spec, "attention_0"); }

}  // namespace

TEST_CASE("glm: half of each head turns, neighbours together; gate and up are one projection", "[plugins][glm]") {
  Draft draft("glm/glm");
  const auto spec = draft.register_it();
  CHECK(spec->family == "glm");
  CHECK(rope(attention(spec)).dims == 2);
  CHECK(rope(attention(spec)).pairing == RopePairing::interleaved);
  CHECK(linear(attention(spec).q).bias);
  CHECK_FALSE(attention(spec).o.bias);
  const auto& mlp = blueprint<FeedForward>(*spec, "ffn_0");
  CHECK(mlp.gate->weight.tensor == "model.layers.0.mlp.gate_up_proj.weight");
  CHECK(mlp.up.weight.view == std::vector<ViewStep>{{ViewStep::Kind::narrow, {0, 24, 24}}});

  // GlmConfig's own.
  for (const auto* key : {"attention_bias", "partial_rotary_factor", "rms_norm_eps", "hidden_act", "tie_word_embeddings"}) draft.config.erase(key);
  draft.config["rope_parameters"] = {{"rope_theta", 10000}};
  CHECK(draft.register_it()->parts == spec->parts);
  draft.config["partial_rotary_factor"] = 1.0;
  CHECK(rope(attention(draft.register_it())).dims == 4);
}

TEST_CASE("glm 4: norms before and behind attention and feed-forward", "[plugins][glm]") {
  const auto spec = registered("glm/glm4");
  CHECK(blueprint<Layer>(*spec, "layer_1") == sequential({{.norm = "input_layernorm_1", .op = "attention_1", .post_norm = "post_self_attn_layernorm_1"},
                                                          {.norm = "post_attention_layernorm_1", .op = "ffn_1", .post_norm = "post_mlp_layernorm_1"}}));
}

TEST_CASE("glm 4.5: norms of q and k where the config says so, and DeepSeek 3's mixture", "[plugins][glm]") {
  Draft draft("glm/glm4-moe");
  const auto spec = draft.register_it();
  CHECK(attention(spec).q_norm.value().size == 4);
  CHECK(rope(attention(spec)).pairing == RopePairing::half);
  CHECK(rope(attention(spec)).dims == 2);
  const auto& router = blueprint<Router>(*spec, "gate_1");
  CHECK(router.scoring == Scoring::sigmoid);
  CHECK(router.correction);
  CHECK_FALSE(router.groups);  // n_group is 1
  CHECK(std::holds_alternative<FeedForward>(*spec->parts.find("ffn_0")->blueprint));
  draft.config.erase("use_qk_norm");
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "self_attn.k_norm.weight' [4] belongs to no part"));
}

TEST_CASE("glm 4.7 flash: latent attention, whose rope's width is head_dim by another name", "[plugins][glm]") {
  Draft draft("glm/glm4-moe-lite");
  const auto spec = draft.register_it();
  CHECK(attention(spec).latent->shared_dim == 4);
  CHECK(attention(spec).latent->norm.eps == 1e-6);
  draft.config.erase("qk_rope_head_dim");
  draft.config["head_dim"] = 4;
  CHECK(draft.register_it()->parts == spec->parts);
  draft.config["qk_rope_head_dim"] = 6;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "'head_dim' is 4, should be what 'qk_rope_head_dim' is"));
  draft = Draft("glm/glm4-moe-lite");
  draft.config.erase("mlp_layer_types");  // the first is dense, whatever first_k_dense_replace says
  draft.config["first_k_dense_replace"] = 2;
  CHECK(draft.register_it()->parts == spec->parts);
  draft.config["mlp_layer_types"] = {"dense", "none", "sparse"};
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "mlp_layer_types has 'none'"));
  draft = Draft("glm/glm4-moe-lite");
  draft.config["partial_rotary_factor"] = 0.5;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "such that all qk_rope_head_dim, 4, dimensions turn, not 2"));
}
