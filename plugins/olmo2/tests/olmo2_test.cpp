#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

Draft olmo2() { return Draft(open_checkpoint(family_data("olmo2", "olmo2") / "checkpoint")); }

}  // namespace

TEST_CASE("olmo2: norms behind attention and feed-forward, and over all heads of q and k", "[plugins][olmo2]") {
  const auto spec = olmo2().register_it();
  CHECK(spec->family == "olmo2");
  const auto& attention = blueprint<Attention>(*spec, "attention_0");
  CHECK(attention.q_norm.value().size == 16);
  CHECK(attention.k_norm.value().size == 8);
  CHECK(attention.q_norm->multiply_before_cast);
  const auto& branch = blueprint<Layer>(*spec, "layer_1").stages.at(1).branches.at(0);
  CHECK_FALSE(branch.norm);
  CHECK(branch.post_norm == PartRef<PartRole::norm>("post_feedforward_layernorm_1"));
}
