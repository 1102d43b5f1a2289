#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

TEST_CASE("bamba: heads turn as a whole, whatever the config says of a part", "[plugins][bamba]") {
  const auto spec = registered("bamba/bamba");
  CHECK(spec->family == "bamba");
  CHECK(rope(blueprint<Attention>(*spec, "attention_1")).dims == 4);
  CHECK(blueprint<HeadStateSpace>(*spec, "mixer_0").norm->size == 32);
  CHECK(spec->parts.find("attention_0") == nullptr);
  Draft draft("bamba/bamba");
  draft.config["rope_parameters"] = {{"rope_type", "linear"}, {"rope_theta", 10000.0}, {"factor", 2.0}};
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "a scaled rope"));
  draft.config.erase("partial_rotary_factor");  // the class says it all the same
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "a scaled rope is not handled"));
  draft = Draft("bamba/bamba");
  draft.config["mamba_d_head"] = 4;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "'mamba_d_head'"));
  draft.config["mamba_d_head"] = "auto";
  CHECK(blueprint<HeadStateSpace>(*draft.register_it(), "mixer_0").head_dim == 8);
}
