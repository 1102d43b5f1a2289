// DARE and DELLA: what stays is left to chance, and chance to a seed.
#include <cmath>
#include <numeric>

#include <catch2/catch_test_macros.hpp>

#include "../../../../core/src/merge/methods/chance.hpp"
#include "small_merge.hpp"

using namespace garage;
using namespace garage::test;

namespace {

using Floats = std::vector<float>;
using Said = std::map<std::string, double>;

constexpr auto kRandom = {"dare_linear", "dare_ties", "della_linear", "della"};

// A task vector of 1, 2, ..., n, over a base of 0.
Floats ascending(std::size_t count) {
  Floats numbers(count);
  std::iota(numbers.begin(), numbers.end(), 1.0F);
  return numbers;
}

SmallMerge one(std::size_t count, Said said, Said shared = {}, std::uint64_t seed = 7) {
  said["weight"] = 1;
  return {.models = {ascending(count), Floats(count)},
          .base = 1,
          .of_models = {said},
          .shared = std::move(shared),
          .seed = seed};
}

double sum(const Floats& numbers) { return std::accumulate(numbers.begin(), numbers.end(), 0.0); }
double share_left(const Floats& numbers, std::size_t from, std::size_t to) {
  double left = 0;
  for (auto i = from; i < to; ++i) left += numbers[i] != 0 ? 1 : 0;
  return left / static_cast<double>(to - from);
}

}  // namespace

TEST_CASE("chance: numbers are even, and series of other seeds and models are others", "[merge][methods]") {
  constexpr std::size_t kDraws = 200'000;
  const Chance chance(1, 0), other_seed(2, 0), other_model(1, 1);
  double mean = 0, with_seed = 0, with_model = 0, with_next = 0;
  for (std::size_t i = 0; i < kDraws; ++i) {
    const auto here = chance.at(i) - 0.5;
    REQUIRE((chance.at(i) >= 0 && chance.at(i) < 1));
    mean += here;
    with_seed += here * (other_seed.at(i) - 0.5);
    with_model += here * (other_model.at(i) - 0.5);
    with_next += here * (chance.at(i + 1) - 0.5);
  }
  // Five standard deviations: of the mean of n draws sqrt(1 / 12 n), of products 1 / 12 sqrt(n).
  const auto n = static_cast<double>(kDraws);
  CHECK(std::abs(mean / n) < 5 * std::sqrt(1 / (12 * n)));
  for (const auto product : {with_seed, with_model, with_next}) CHECK(std::abs(product / n) < 5 / (12 * std::sqrt(n)));
}

TEST_CASE("dare, della: the same seed gives the same numbers, another gives others", "[merge][methods]") {
  for (const auto* name : kRandom) {
    INFO(name);
    const Said said{{"density", 0.5}, {"epsilon", 0.2}};
    CHECK(merged(name, one(100, said)) == merged(name, one(100, said)));
    CHECK(merged(name, one(100, said, {}, 8)) != merged(name, one(100, said, {}, 7)));
  }
}

TEST_CASE("dare, della: two models leave out different numbers", "[merge][methods]") {
  const Floats delta(1000, 1.0F), zeros(1000);
  const Said said{{"weight", 1}, {"density", 0.5}, {"epsilon", 0.2}};
  const auto got =
      merged("dare_linear",
             {.models = {delta, delta, zeros}, .base = 2, .of_models = {said, said}, .shared = {{"rescale", 0}}});
  CHECK(std::count(got.begin(), got.end(), 1.0F) > 400);  // one of the two, in about half of all places
}

TEST_CASE("dare, della: a density of 1 is task arithmetic", "[merge][methods]") {
  const std::vector<Said> said{{{"weight", 0.6}}, {{"weight", 0.9}}};
  const SmallMerge merge{.models = {kA, kB, kBaseMatrix}, .base = 2, .of_models = said};
  const auto expected = merged("task_arithmetic", merge);
  CHECK(merged("dare_linear", merge) == expected);
  CHECK(merged("della_linear", merge) == expected);
  auto elected = merge;
  elected.shared = {{"normalize", 1}};
  CHECK(merged("dare_ties", elected) == merged("ties", elected));
  CHECK(merged("della", merge) == merged("ties", elected));  // it normalises by itself
}

TEST_CASE("dare, della: a density of 0 is the base", "[merge][methods]") {
  for (const auto* name : kRandom) {
    INFO(name);
    CHECK(merged(name, one(50, {{"density", 0}})) == Floats(50, 0.0F));
  }
}

TEST_CASE("dare: the density is kept, and numbers are as they were or left out", "[merge][methods]") {
  const auto got = merged("dare_linear", one(20'000, {{"density", 0.3}}, {{"rescale", 0}}));
  for (std::size_t i = 0; i < got.size(); ++i) REQUIRE((got[i] == 0 || got[i] == static_cast<float>(i + 1)));
  // Five standard deviations of a share of 0.3 of 20,000: 5 * sqrt(0.3 * 0.7 / 20,000).
  CHECK(std::abs(share_left(got, 0, got.size()) - 0.3) < 0.0163);
}

TEST_CASE("dare, della: with rescale the sum of magnitudes is kept", "[merge][methods]") {
  for (const auto* name : kRandom) {
    INFO(name);
    const auto got = merged(name, one(1000, {{"density", 0.5}, {"epsilon", 0.2}}));
    CHECK(std::abs(sum(got) / 500'500 - 1) < 1e-6);
  }
}

TEST_CASE("dare: the mean of many runs is task arithmetic", "[merge][methods]") {
  constexpr std::size_t kRuns = 4000, kNumbers = 64;
  std::vector<double> mean(kNumbers);
  SmallMerge merge{.models = {Floats(kNumbers, 1.0F), Floats(kNumbers, -1.0F), Floats(kNumbers, 0.5F)},
                   .base = 2,
                   .of_models = {{{"weight", 0.5}, {"density", 0.5}}, {{"weight", 0.25}, {"density", 0.8}}}};
  for (merge.seed = 0; merge.seed < kRuns; ++merge.seed) {
    const auto got = merged("dare_linear", merge);
    for (std::size_t i = 0; i < kNumbers; ++i) mean[i] += got[i] / static_cast<double>(kRuns);
  }
  // The task vectors are 0.5 and -1.5: 0.5 + 0.25 - 0.375. One run's number has a deviation of 0.25 at density 0.5 and
  // 0.1875 at 0.8, so the mean of 4,000 one of 0.005; five of them.
  for (const auto number : mean) CHECK(std::abs(number - 0.375) < 0.025);
}

TEST_CASE("della: the larger of a row stay more often, from density - epsilon to density + epsilon",
          "[merge][methods]") {
  constexpr std::size_t kColumns = 11, kRows = 20'000;
  auto merge = one(kColumns * kRows, {{"density", 0.5}, {"epsilon", 0.3}}, {{"rescale", 0}});
  merge.dimensions = {static_cast<std::int64_t>(kRows), static_cast<std::int64_t>(kColumns)};
  auto& delta = merge.models.front();
  // In each row -11, 10, -9, ..., the largest first.
  for (std::size_t i = 0; i < delta.size(); ++i) {
    const auto column = i % kColumns;
    delta[i] = (column % 2 == 0 ? -1.0F : 1.0F) * static_cast<float>(kColumns - column);
  }
  const auto got = merged("della_linear", merge);
  for (std::size_t column = 0; column < kColumns; ++column) {
    double left = 0;
    for (std::size_t i = column; i < got.size(); i += kColumns) left += got[i] != 0 ? 1.0 / kRows : 0;
    INFO(column);
    // 0.8 for the largest, 0.2 for the smallest, evenly between; five standard deviations of at most sqrt(0.25 /
    // 20,000).
    CHECK(std::abs(left - (0.8 - 0.06 * static_cast<double>(column))) < 0.0177);
  }
}

TEST_CASE("della: a row's only number stays with the chance of density", "[merge][methods]") {
  auto merge = one(20'000, {{"density", 0.3}, {"epsilon", 0.2}}, {{"rescale", 0}});
  merge.dimensions = {20'000, 1};
  CHECK(std::abs(share_left(merged("della_linear", merge), 0, 20'000) - 0.3) < 0.0163);
}
