#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

Draft of(const char* variant) { return Draft(open_checkpoint(family_data("exaone", variant) / "checkpoint")); }

bool turns(const SpecPtr& spec, const char* part) {
  return std::holds_alternative<Rope>(blueprint<Attention>(*spec, part).position);
}

}  // namespace

TEST_CASE("exaone 4: norms behind alone; what sees a window turns, what sees all does not", "[plugins][exaone]") {
  auto draft = of("exaone4");
  const auto spec = draft.register_it();
  CHECK(spec->family == "exaone");
  CHECK(windows(*spec) == Windows{4, 4, 0});
  CHECK(turns(spec, "attention_0"));
  CHECK_FALSE(turns(spec, "attention_2"));
  const auto& branch = blueprint<Layer>(*spec, "layer_0").stages.at(0).branches.at(0);
  CHECK_FALSE(branch.norm);
  CHECK(branch.post_norm == PartRef<PartRole::norm>("post_attention_layernorm_0"));
  CHECK(blueprint<Attention>(*spec, "attention_0").q_norm->size == 4);
  draft.config.erase("layer_types");  // every fourth sees all
  CHECK(windows(*draft.register_it()) == Windows{4, 4, 4});
  draft.config["sliding_window_pattern"] = 2;
  CHECK(windows(*draft.register_it()) == Windows{4, 0, 4});
}

TEST_CASE("exaone 4: without a window every layer sees all, and turns", "[plugins][exaone]") {
  auto draft = of("exaone4");
  draft.config["sliding_window"] = nullptr;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "layer_types has layers that see a window"));
  draft.config["layer_types"] = {"full_attention", "full_attention", "full_attention"};
  draft.config["sliding_window_pattern"] = "LLLG";  // as its first configs spell it
  const auto spec = draft.register_it();
  CHECK(windows(*spec) == Windows{0, 0, 0});
  CHECK(turns(spec, "attention_2"));
}

TEST_CASE("exaone moe: sigmoids, a correction for choosing alone, an expert for every token", "[plugins][exaone]") {
  auto draft = of("exaone-moe");
  const auto spec = draft.register_it();
  CHECK(spec->family == "exaone");
  CHECK(blueprint<FeedForward>(*spec, "ffn_0").up.out == 24);
  const auto& router = blueprint<Router>(*spec, "gate_1");
  CHECK(router.scoring == Scoring::sigmoid);
  CHECK(router.correction == TensorRef{"model.layers.1.mlp.e_score_correction_bias", {}});
  CHECK(router.renormalise);
  CHECK(router.scale == 2.5);
  CHECK_FALSE(router.groups);
  CHECK(blueprint<Mixture>(*spec, "ffn_1").shared_expert == PartRef<PartRole::expert>("shared_expert_1"));
  draft.config["n_group"] = 2;
  CHECK(blueprint<Router>(*draft.register_it(), "gate_1").groups == RouterGroups{2, 1, 2});
  draft.config.erase("mlp_layer_types");  // first_k_dense_replace: 1
  CHECK(draft.register_it()->parameters == spec->parameters);
  draft.config["mlp_layer_types"] = {"dense", "sparse"};
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "mlp_layer_types"));
}
