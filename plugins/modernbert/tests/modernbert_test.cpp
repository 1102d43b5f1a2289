#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

Draft modernbert(const char* variant) { return Draft(open_checkpoint(family_data("modernbert", variant) / "checkpoint")); }

}  // namespace

TEST_CASE("modernbert: windows on both sides, two ropes, and no norm before the first attention", "[plugins][modernbert]") {
  const auto spec = modernbert("modernbert").register_it();
  CHECK(spec->parameters == 7592);  // as transformers counts
  CHECK(windows(*spec) == Windows{0, 3, 3});  // |i - j| <= 4 / 2
  CHECK(rope(blueprint<Attention>(*spec, "attention_0")).theta == 160000);
  CHECK(rope(blueprint<Attention>(*spec, "attention_1")).theta == 10000);
  CHECK_FALSE(blueprint<Layer>(*spec, "layer_0").stages[0].branches[0].norm);
  CHECK(blueprint<Layer>(*spec, "layer_1").stages[0].branches[0].norm);
  CHECK_FALSE(blueprint<Norm>(*spec, "final_norm").bias);
  CHECK(modernbert("modernbert-sequence").register_it()->parameters == 1603);
  CHECK(modernbert("modernbert-tokens").register_it()->parameters == 1419);
}

TEST_CASE("modernbert: the first configs say layers and ropes by numbers", "[plugins][modernbert]") {
  auto draft = modernbert("modernbert");
  const auto today = draft.register_it();
  for (const auto* key : {"layer_types", "rope_parameters"}) draft.config.erase(key);
  draft.config["global_attn_every_n_layers"] = 3;
  draft.config["global_rope_theta"] = 160000.0;
  draft.config["local_rope_theta"] = 10000.0;
  CHECK(draft.register_it()->parts == today->parts);
  draft.config["rope_scaling"] = {{"rope_type", "linear"}, {"factor", 2.0}};
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "'rope_scaling' is"));
}
