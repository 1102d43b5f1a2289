#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

TEST_CASE("falcon-h1: attention and state space read the same norm, each with factors of its own", "[plugins][falconh1]") {
  const auto spec = registered("falconh1/falcon-h1-scaled");
  CHECK(spec->family == "falconh1");
  const auto& stage = blueprint<Layer>(*spec, "layer_1").stages[0];
  REQUIRE(stage.branches.size() == 2);
  CHECK(stage.branches[0].norm == stage.branches[1].norm);
  CHECK(stage.branches[0].scale == 0.45);
  CHECK(stage.branches[1].scale == 0.9);
  CHECK(stage.branches[1].input_scale == 1.1);
  CHECK(blueprint<Attention>(*spec, "attention_0").scale == Catch::Approx(0.35));
  const auto& mixer = blueprint<HeadStateSpace>(*spec, "mixer_0");
  CHECK(mixer.segment_scales == std::vector<double>{0.5, 1.2, 0.8, 1.4, 0.6});
  CHECK(mixer.norm_groups == 2);
  CHECK_FALSE(mixer.norm_before_gate);
  CHECK(blueprint<FeedForward>(*spec, "ffn_0").gate_scale == 0.8);
  CHECK(blueprint<FeedForward>(*spec, "ffn_0").output_scale == 1.3);
  CHECK(blueprint<OutputHead>(*spec, "output_head").logits_scale == 0.6);
  CHECK_FALSE(blueprint<HeadStateSpace>(*registered("falconh1/falcon-h1"), "mixer_0").norm);
  Draft draft("falconh1/falcon-h1");
  draft.config["ssm_multipliers"] = {1.0, 2.0};
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "should be 5 numbers"));
}
