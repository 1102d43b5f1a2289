#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

Draft afmoe() { return Draft(open_checkpoint(family_data("afmoe", "afmoe") / "checkpoint")); }

}  // namespace

TEST_CASE("afmoe: gated attention between norms on both sides, which turns where it sees a window", "[plugins][afmoe]") {
  auto draft = afmoe();
  const auto spec = draft.register_it();
  CHECK(spec->family == "afmoe");
  CHECK(windows(*spec) == Windows{4, 4, 0});
  const auto& attention = blueprint<Attention>(*spec, "attention_2");
  CHECK(std::holds_alternative<std::monostate>(attention.position));
  CHECK(attention.gate->weight.tensor == "model.layers.2.self_attn.gate_proj.weight");
  CHECK(attention.q_norm->multiply_before_cast);
  const auto& branch = blueprint<Layer>(*spec, "layer_1").stages.at(1).branches.at(0);
  CHECK(branch.norm == PartRef<PartRole::norm>("pre_mlp_layernorm_1"));
  CHECK(branch.post_norm == PartRef<PartRole::norm>("post_mlp_layernorm_1"));
  draft.config.erase("layer_types");
  draft.config["global_attn_every_n_layers"] = 2;
  CHECK(windows(*draft.register_it()) == Windows{4, 0, 4});
  draft.config["sliding_window"] = nullptr;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "the class always has a window"));
}

TEST_CASE("afmoe: a sigmoid router with a correction, and shared experts as one", "[plugins][afmoe]") {
  auto draft = afmoe();
  draft.config["route_scale"] = 2.0;
  const auto spec = draft.register_it();
  const auto& router = blueprint<Router>(*spec, "gate_1");
  CHECK(router.scoring == Scoring::sigmoid);
  CHECK(router.correction == TensorRef{"model.layers.1.mlp.expert_bias", {}});
  CHECK(router.scores.weight.tensor == "model.layers.1.mlp.router.gate.weight");
  CHECK(router.scale == 2);
  CHECK(blueprint<FeedForward>(*spec, "shared_expert_1").up.out == 24);
  CHECK(blueprint<FeedForward>(*spec, "ffn_0").up.out == 24);
}

TEST_CASE("afmoe: what is embedded grows by the root of its size where mup_enabled says so", "[plugins][afmoe]") {
  auto draft = afmoe();
  CHECK(blueprint<Embedding>(*draft.register_it(), "embedding").scale == 1);
  draft.config["mup_enabled"] = true;
  CHECK(blueprint<Embedding>(*draft.register_it(), "embedding").scale == 4);
}
