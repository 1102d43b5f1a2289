#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

Draft of(const char* variant) { return Draft(open_checkpoint(family_data("granite", variant) / "checkpoint")); }

}  // namespace

TEST_CASE("granite: its four multipliers, each 1 where the config does not say", "[plugins][granite]") {
  auto draft = of("granite");
  const auto spec = draft.register_it();
  CHECK(spec->family == "granite");
  CHECK(blueprint<Embedding>(*spec, "embedding").scale == 12);
  CHECK(blueprint<Embedding>(*spec, "embedding").keeps_scale == true);
  CHECK(blueprint<Attention>(*spec, "attention_0").scale == 0.3);
  for (const auto& stage : blueprint<Layer>(*spec, "layer_1").stages) CHECK(stage.branches.at(0).scale == 0.22);
  CHECK(blueprint<OutputHead>(*spec, "output_head").logits_divisor == 8);
  for (const auto* key : {"embedding_multiplier", "attention_multiplier", "residual_multiplier", "logits_scaling"}) draft.config.erase(key);
  const auto plain = draft.register_it();
  CHECK(blueprint<Attention>(*plain, "attention_0").scale == 1);  // not by the size of a head
  CHECK(blueprint<Layer>(*plain, "layer_1").stages.at(1).branches.at(0).scale == 1);
}

TEST_CASE("granite: a mixture of stacked experts, chosen before they are weighed", "[plugins][granite]") {
  const auto spec = of("granitemoe").register_it();
  CHECK(spec->family == "granite");
  const auto& router = blueprint<Router>(*spec, "gate_0");
  CHECK(router.scoring == Scoring::softmax_of_chosen);
  CHECK(router.top_k == 2);
  CHECK(router.scores.weight.tensor == "model.layers.0.block_sparse_moe.router.layer.weight");
  const auto& expert = blueprint<FeedForward>(*spec, "expert_0_3");
  CHECK(expert.gate->weight.tensor == "model.layers.0.block_sparse_moe.input_linear.weight");
  CHECK(expert.up.out == 24);
  CHECK(blueprint<Layer>(*spec, "layer_0").stages.at(1).branches.at(0).scale == 0.22);
}

TEST_CASE("granite: an expert that every token visits stands beside the mixture", "[plugins][granite]") {
  auto draft = of("granitemoeshared");
  const auto spec = draft.register_it();
  const auto& branches = blueprint<Layer>(*spec, "layer_2").stages.at(1).branches;
  REQUIRE(branches.size() == 2);
  CHECK(branches.at(1).op == PartRef<PartRole::branch>("shared_expert_2"));
  CHECK(branches.at(1).scale == 0.22);
  CHECK(blueprint<FeedForward>(*spec, "shared_expert_2").up.out == 12);
  draft.config.erase("shared_intermediate_size");  // 0: none
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "shared_mlp.input_linear.weight' [24, 16] belongs to no part"));
}
