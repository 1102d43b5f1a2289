// Random numbers for tensors that no model has.
#include "../../../../core/src/merge/write/drawn_numbers.hpp"

#include <cmath>
#include <vector>

#include <catch2/catch_test_macros.hpp>

using namespace garage;

namespace {

std::vector<float> all(const DrawnNumbers& drawn, std::int64_t rows, std::int64_t columns) {
  std::vector<float> numbers(static_cast<std::size_t>(rows * columns));
  drawn.rows(0, rows, numbers.data());
  return numbers;
}

}  // namespace

TEST_CASE("drawn numbers: rows are the same however they are asked for", "[merge][drawn]") {
  const DrawnNumbers drawn({6, 10}, 7, 0.02);
  const auto whole = all(drawn, 6, 10);
  std::vector<float> pieces(60);
  for (const std::int64_t row : {5, 0, 3, 1, 4, 2}) drawn.rows(row, 1, pieces.data() + row * 10);
  CHECK(pieces == whole);
  CHECK(all(DrawnNumbers({6, 10}, 8, 0.02), 6, 10) != whole);
}

TEST_CASE("drawn numbers: they are normal", "[merge][drawn]") {
  const auto numbers = all(DrawnNumbers({400, 1000}, 1, 0.02), 400, 1000);
  double sum = 0, squares = 0, within = 0;
  for (const double number : numbers) {
    REQUIRE(std::isfinite(number));
    sum += number;
    squares += number * number;
    within += std::abs(number) < 0.02 ? 1 : 0;
  }
  // Of 400,000: the mean's deviation is 0.02 / 632, the deviation's 0.02 / 894, and of the share 0.00074. Five of each.
  const auto count = static_cast<double>(numbers.size());
  CHECK(std::abs(sum / count) < 5 * 0.02 / 632);
  CHECK(std::abs(std::sqrt(squares / count) - 0.02) < 5 * 0.02 / 894);
  CHECK(std::abs(within / count - 0.682689) < 5 * 0.00074);
}
