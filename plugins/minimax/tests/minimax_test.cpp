// MiniMax's configs and layouts, held against transformers' own code (modeling_minimax.py, modeling_minimax_m2.py and their
// configurations).
#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

bool is_lightning(const SpecPtr& spec, const std::string& part) { return std::holds_alternative<Custom>(*spec->parts.find(part)->blueprint); }

}  // namespace

TEST_CASE("minimax: the stream itself is normed, and attention of two kinds is added to it", "[plugins][minimax]") {
  Draft draft("minimax/minimax");
  const auto spec = draft.register_it();
  CHECK(spec->family == "minimax");
  CHECK(is_lightning(spec, "attention_0"));
  CHECK_FALSE(is_lightning(spec, "attention_1"));
  draft.config["linear_attn_alpha_factor"] = 3.5;
  draft.config["full_attn_beta_factor"] = 0.5;
  draft.config["mlp_alpha_factor"] = 2;
  const auto with = draft.register_it();
  const auto& first = blueprint<Layer>(*with, "layer_0").stages;
  REQUIRE(first.size() == 4);
  CHECK(first[0] == Stage{.branches = {{.op = "input_layernorm_0"}}, .keep = 0});
  CHECK(first[1] == Stage{.branches = {{.op = "attention_0"}}, .keep = 3.5});
  CHECK(first[2] == Stage{.branches = {{.op = "post_attention_layernorm_0"}}, .keep = 0});
  CHECK(first[3] == Stage{.branches = {{.op = "ffn_0"}}, .keep = 2});
  CHECK(blueprint<Layer>(*with, "layer_1").stages[1] == Stage{.branches = {{.op = "attention_1", .scale = 0.5}}});
}

TEST_CASE("minimax: lightning attention has the pace of each head in the file, and computes decays anew", "[plugins][minimax]") {
  Draft draft("minimax/minimax");
  const auto spec = draft.register_it();
  const auto& own = blueprint<Custom>(*spec, "attention_2");
  CHECK(own.builder == "lightning_attention");
  CHECK(own.tensors.at("slope_rate").shape == TensorShape{4, 1, 1});
  CHECK(own.attributes == boost::json::object{{"heads", 4}, {"block", 4}, {"norm_eps", 1e-6}});
  REQUIRE(spec->ignored.size() == 3);
  for (const auto& row : spec->ignored) CHECK(row.count == 2);
  draft.drop("model.layers.0.self_attn.slope_rate");
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "'model.layers.0.self_attn.slope_rate' is missing"));
}

TEST_CASE("minimax: what a config leaves out is MiniMaxConfig's own, and what its class does not compute is refused", "[plugins][minimax]") {
  Draft draft("minimax/minimax");
  const auto spec = draft.register_it();
  for (const auto* key : {"full_attn_alpha_factor", "mlp_beta_factor", "linear_attn_alpha_factor", "rms_norm_eps", "hidden_act", "rope_parameters", "sliding_window", "head_dim"}) draft.config.erase(key);
  CHECK(draft.register_it()->parts == spec->parts);
  draft.config["sliding_window"] = 3;
  CHECK(blueprint<Attention>(*draft.register_it(), "attention_1").mask.window == 3);
  draft.config.erase("layer_types");  // full, linear, full
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "model.layers.0.self_attn."));
  struct Case { const char* key; boost::json::value value; const char* says; };
  for (const auto& c : std::vector<Case>{{"hidden_act", "gelu", "'hidden_act' is \"gelu\": another activation than silu"},
                                         {"rotary_dim", 2, "'rotary_dim' is 2: a rope of so many dimensions"},
                                         {"layer_types", {"full_attention", "sliding_attention", "full_attention"}, "layer_types has 'sliding_attention'"}}) {
    INFO(c.key);
    Draft other("minimax/minimax");
    other.config[c.key] = c.value;
    CHECK_THROWS_MATCHES(other.register_it(), Error, is_error(Errc::kUnsupported, c.says));
  }
}

TEST_CASE("minimax m2: norms over all heads together, sigmoids with a correction beside the gate", "[plugins][minimax]") {
  Draft draft("minimax/minimax-m2");
  const auto spec = draft.register_it();
  const auto& attention = blueprint<Attention>(*spec, "attention_0");
  CHECK(attention.q_norm.value().size == 16);
  CHECK(attention.k_norm.value().size == 8);
  const auto& router = blueprint<Router>(*spec, "gate_0");
  CHECK(router.scoring == Scoring::sigmoid);
  CHECK(router.correction == TensorRef{"model.layers.0.block_sparse_moe.e_score_correction_bias", {}});
  CHECK(router.renormalise);
  CHECK_FALSE(router.in_float32);
  draft.config["rope_parameters"].as_object()["partial_rotary_factor"] = 0.5;
  CHECK(rope(blueprint<Attention>(*draft.register_it(), "attention_0")).dims == 2);
  draft.config["rotary_dim"] = 2;
  CHECK(draft.register_it()->parameters == 17784);
  draft.config["rope_parameters"].as_object().erase("partial_rotary_factor");
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "it turns 4; partial_rotary_factor in rope_parameters says it"));
}
