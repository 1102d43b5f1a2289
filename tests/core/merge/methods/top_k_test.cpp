// TopK against a stable sort.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include <catch2/catch_test_macros.hpp>

#include "../../../../core/src/merge/methods/top_k.hpp"

using namespace garage;

namespace {

// By magnitude, of equal ones the first first.
template <class Comes>
std::vector<bool> first_k(const std::vector<float>& numbers, std::size_t k, Comes comes_before) {
  std::vector<std::size_t> order(numbers.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](auto a, auto b) { return comes_before(std::abs(numbers[a]), std::abs(numbers[b])); });
  std::vector<bool> takes(numbers.size());
  for (std::size_t i = 0; i < std::min(k, order.size()); ++i) takes[order[i]] = true;
  return takes;
}

using Found = std::vector<TopK> (*)(const NumberPieces&, std::span<const std::size_t>);

// Of numbers that come in pieces of 100.
TopK top_of(Found found, const std::vector<float>& numbers, std::size_t k) {
  const auto pieces = [&](const std::function<void(Numbers)>& see) {
    for (std::size_t from = 0; from < numbers.size(); from += 100)
      see(Numbers(numbers).subspan(from, std::min<std::size_t>(100, numbers.size() - from)));
  };
  // Beside others, some of which have the same threshold or none.
  return found(pieces, std::array{std::size_t{0}, k, k, numbers.size() + 1, std::size_t{7}})[2];
}

std::vector<bool> taken(TopK top, const std::vector<float>& numbers) {
  std::vector<bool> takes;
  for (const auto number : numbers) takes.push_back(top.takes(number));
  return takes;
}

}  // namespace

TEST_CASE("top k: it is what a stable sort has first", "[merge][methods]") {
  std::minstd_rand random(1);
  for (const auto levels : {2U, 50U, 1'000'000U}) {  // few make many numbers equal
    std::vector<float> numbers(999);
    for (auto& number : numbers)
      number = (static_cast<float>(random() % levels) - static_cast<float>(levels) / 2) *
               std::ldexp(1.0F, static_cast<int>(random() % 3) * 20 - 20);
    for (const std::size_t k : {0U, 1U, 2U, 500U, 998U, 999U, 5000U}) {
      INFO(levels << " levels, k " << k);
      CHECK(taken(top_of(TopK::largest, numbers, k), numbers) == first_k(numbers, k, std::greater<>()));
      CHECK(taken(top_of(TopK::smallest, numbers, k), numbers) == first_k(numbers, k, std::less<>()));
    }
  }
}

TEST_CASE("top k: zeros are equal whatever their sign, infinity is above all numbers, and NaN above it",
          "[merge][methods]") {
  const auto infinite = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> numbers{0.0F, -0.0F, -infinite, 3e38F, nan, 1e-45F};
  CHECK(taken(top_of(TopK::largest, numbers, 1), numbers) == std::vector{false, false, false, false, true, false});
  CHECK(taken(top_of(TopK::largest, numbers, 2), numbers) == std::vector{false, false, true, false, true, false});
  CHECK(taken(top_of(TopK::smallest, numbers, 1), numbers) == std::vector{true, false, false, false, false, false});
  CHECK(taken(top_of(TopK::smallest, numbers, 3), numbers) == std::vector{true, true, false, false, false, true});
  CHECK(taken(top_of(TopK::largest, {}, 3), {}).empty());
}
