// The spec of every reference checkpoint, as reviewed: tests/data/specs/README.md says against what.
#include <cstdlib>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include "variants.hpp"

using namespace garage;
using namespace garage::test;

TEST_CASE("golden: every variant's spec is the one that was reviewed", "[plugins][golden]") {
  const auto variant = GENERATE(from_range(kVariants));
  INFO(variant);
  auto spec = *registered(variant);
  spec.source = {};  // where the file lies is no part of it
  const auto file = test_data("specs") / (variant + ".json");
  // To see what a change makes of them: GARAGE_WRITE_SPECS=folder, then read the difference.
  if (const auto* folder = std::getenv("GARAGE_WRITE_SPECS")) write_text(std::filesystem::path(folder) / (variant + ".json"), write_spec(spec));
  CHECK(write_spec(spec) == read_text(file));
}
