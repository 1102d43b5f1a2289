// Which layers look through a window: layer_types, as every family that has it reads it.
#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

TEST_CASE("layer_types: as many as layers, of known kinds", "[plugins]") {
  Draft draft("gemma-2");
  draft.config["layer_types"] = {"sliding_attention"};
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "layer_types has 1 entries, there are 4 layers"));
  draft.config["layer_types"] = {"sliding_attention", "full_attention", "linear_attention", "full_attention"};
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "layer_types has 'linear_attention'"));
}
