#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

Draft of(const char* variant) { return Draft(open_checkpoint(family_data("laguna", variant) / "checkpoint")); }

Rope rope_of(const SpecPtr& spec, const char* part) { return rope(blueprint<Attention>(*spec, part)); }

}  // namespace

TEST_CASE("laguna: heads and gates of each layer, sigmoid routers, an expert for every token", "[plugins][laguna]") {
  auto draft = of("laguna");
  draft.config["moe_routed_scaling_factor"] = 2.0;
  draft.config["moe_router_logit_softcapping"] = 30.0;
  const auto spec = draft.register_it();
  CHECK(spec->family == "laguna");
  CHECK(rope_of(spec, "attention_0").dims == 2);  // half of each head
  const auto& attention = blueprint<Attention>(*spec, "attention_0");
  CHECK(attention.gate->out == 4);  // one a head
  CHECK(attention.gate_kind == GateKind::softplus);
  CHECK(blueprint<FeedForward>(*spec, "ffn_0").up.out == 24);
  const auto& router = blueprint<Router>(*spec, "gate_1");
  CHECK(router.scoring == Scoring::sigmoid);
  CHECK(router.correction == TensorRef{"model.layers.1.mlp.experts.e_score_correction_bias", {}});
  CHECK(router.scale == 2);
  CHECK(router.softcap == 30);
  CHECK(blueprint<FeedForward>(*spec, "shared_expert_1").up.weight.tensor == "model.layers.1.mlp.shared_expert.up_proj.weight");
}

TEST_CASE("laguna: what it cannot be", "[plugins][laguna]") {
  auto draft = of("laguna");
  draft.config["num_attention_heads_per_layer"] = {4, 2, 4};
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "q_proj.weight"));
  draft.config["num_attention_heads_per_layer"] = {4, 3, 4};
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "such that the kv heads divide each"));
  draft.config.erase("num_attention_heads_per_layer");
  CHECK(draft.register_it()->num_layers == 3);
  draft.config["gating"] = "per-element";
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "g_proj.weight"));
  draft.config["gating"] = "per-row";
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "gating"));
  draft.config.erase("gating");
  draft.config["moe_apply_router_weight_on_input"] = true;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "moe_apply_router_weight_on_input"));
}
