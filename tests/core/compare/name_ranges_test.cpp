#include <garage/name_ranges.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace garage;

TEST_CASE("name ranges: numbers of any size are told, and what is none belongs to the name", "[compare][name_ranges]") {
  struct Case { std::vector<std::string> names; const char* text; };
  const auto c = GENERATE(values<Case>({
      {{"a_0", "a_1", "a_2"}, "a_{0..2}"},
      {{"a_0", "a_2", "a_4"}, "a_{0..4..2}"},
      {{"a_0", "a_1", "a_5"}, "a_{0..1,5}"},
      {{"e_0_0", "e_0_1", "e_1_0", "e_1_1"}, "e_{0..1}_{0..1}"},
      {{"a", "a_", "_1", "a_b"}, "a, a_, _1, a_b"},
      {{"a_-9223372036854775808", "a_9223372036854775807"}, "a_-9223372036854775808, a_9223372036854775807"},
      {{"a_9223372036854775806", "a_9223372036854775807"}, "a_9223372036854775806, a_9223372036854775807"},
      {{"a_999999999999999998", "a_999999999999999999"}, "a_{999999999999999998..999999999999999999}"},
      {{"a_0", "a_999999999999999999"}, "a_{0,999999999999999999}"},
      {{"a_1", "a_01", "a_001"}, "a_1, a_01, a_001"},
      {{"a_-1", "a_0", "a_+1"}, "a_-1, a_0, a_+1"},
      {{}, ""},
  }));
  DYNAMIC_SECTION(c.text) { CHECK(name_ranges(c.names) == c.text); }
}
