// Narrow numbers by the definition (IEEE 754, 4.3.1): the nearest, of two as near the even one. Every number of a dtype
// and its neighbour, and what lies between them.
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "../../../core/src/encoding/narrowed.hpp"
#include "../../../core/src/encoding/plain_numbers.hpp"

using namespace garage;

namespace {

std::vector<float> widened(const std::vector<std::uint16_t>& narrow, DType dtype) {
  std::vector<float> numbers(narrow.size());
  const Encoding::Piece piece(reinterpret_cast<const std::uint8_t*>(narrow.data()), narrow.size() * 2);
  const auto count = static_cast<std::int64_t>(narrow.size());
  plain_numbers(dtype)->decode({count}, std::span(&piece, 1), 0, 1, numbers.data());
  return numbers;
}

std::vector<std::uint16_t> as_narrow(const std::vector<float>& numbers, DType dtype) {
  const auto bytes = narrowed(numbers, dtype);
  std::vector<std::uint16_t> narrow(numbers.size());
  REQUIRE(bytes.size() == narrow.size() * 2);
  std::memcpy(narrow.data(), bytes.data(), bytes.size());
  return narrow;
}

std::vector<float> rounded(std::vector<float> numbers, DType dtype) {
  round_to(dtype, numbers);
  return numbers;
}

}  // namespace

TEST_CASE("narrowed: the nearest number, and of two as near the even one", "[encoding]") {
  const auto dtype = GENERATE(DType::kF16, DType::kBF16);
  const std::uint16_t infinity = dtype == DType::kF16 ? 0x7c00 : 0x7f80;
  std::vector<std::uint16_t> all;
  for (std::uint16_t bits = 0; bits < infinity; ++bits) all.push_back(bits);
  const auto numbers = widened(all, dtype);

  std::vector<float> given;
  std::vector<std::uint16_t> expected;
  const auto add = [&](float number, std::uint16_t nearest) {
    given.insert(given.end(), {number, -number});
    expected.push_back(nearest);
    expected.push_back(nearest | 0x8000);
  };
  for (std::uint16_t bits = 0; bits < infinity; ++bits) {
    const auto here = numbers[bits];
    const auto is_last = bits + 1 == infinity;
    // Beyond the last one there would be another, a step away: from halfway to it, it is infinity.
    const auto step = is_last ? double{here} - numbers[bits - 1] : double{numbers[bits + 1]} - here;
    const auto halfway = static_cast<float>(here + step / 2);
    add(here, bits);
    if (std::nextafter(halfway, 0.0F) > here) add(std::nextafter(halfway, 0.0F), bits);
    add(halfway, bits % 2 == 0 ? bits : static_cast<std::uint16_t>(bits + 1));
    add(std::nextafter(halfway, std::numeric_limits<float>::infinity()), static_cast<std::uint16_t>(bits + 1));
  }
  add(std::numeric_limits<float>::infinity(), infinity);

  CHECK(as_narrow(given, dtype) == expected);
  CHECK(rounded(given, dtype) == widened(expected, dtype));
}

TEST_CASE("narrowed: NaN stays NaN", "[encoding]") {
  const auto dtype = GENERATE(DType::kF16, DType::kBF16);
  // With the highest and the lowest bit of its payload, which says nothing.
  const std::vector<float> given{std::bit_cast<float>(0x7fc00000U), std::bit_cast<float>(0x7f800001U),
                                 std::bit_cast<float>(0xffffffffU)};
  for (const auto number : widened(as_narrow(given, dtype), dtype)) CHECK(std::isnan(number));
  for (const auto number : rounded(given, dtype)) CHECK(std::isnan(number));
}
