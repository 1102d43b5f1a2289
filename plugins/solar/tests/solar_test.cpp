#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

TEST_CASE("solar: every layer is a mixture, and whole heads turn", "[plugins][solar]") {
  Draft draft("solar/solar-open");
  const auto spec = draft.register_it();
  CHECK(spec->family == "solar");
  CHECK(std::holds_alternative<Mixture>(*spec->parts.find("ffn_0")->blueprint));
  CHECK(rope(blueprint<Attention>(*spec, "attention_0")) == Rope{.theta = 1e6, .dims = 4});
  CHECK(blueprint<Router>(*spec, "gate_0").correction);

  // SolarOpenConfig's own.
  for (const auto* key : {"rope_parameters", "partial_rotary_factor", "norm_topk_prob", "n_group", "topk_group", "attention_bias"}) draft.config.erase(key);
  CHECK(draft.register_it()->parts == spec->parts);
  draft.config["partial_rotary_factor"] = 0.5;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "2 of 4 dimensions turn: the class turns whole heads"));
}
