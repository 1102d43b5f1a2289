#include "sparsify.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "top_k.hpp"

namespace garage {
namespace {

double sum_of_magnitudes(std::span<const float> numbers) {
  double sum = 0;
  for (const auto number : numbers) sum += std::abs(static_cast<double>(number));
  return sum;
}

void rescale_to(double sum, std::span<float> delta) {
  constexpr double kNothing = 1e-7;
  const auto left = sum_of_magnitudes(delta);
  if (sum < kNothing || left < kNothing) return;
  const auto factor = static_cast<float>(sum / left);
  for (auto& number : delta) number *= factor;
}

// stays: called with each place and number, in order.
template <class Stays>
void keep(std::span<float> delta, bool rescale, Stays stays) {
  const auto before = rescale ? sum_of_magnitudes(delta) : 0;
  for (std::size_t i = 0; i < delta.size(); ++i) delta[i] *= static_cast<float>(stays(i, delta[i]));
  if (rescale) rescale_to(before, delta);
}

std::size_t share_of(double share, std::size_t count) {
  return static_cast<std::size_t>(share * static_cast<double>(count));
}

}  // namespace

void keep_largest(std::span<float> delta, double density, bool rescale) {
  if (density >= 1) return;
  auto largest = TopK::largest(delta, share_of(density, delta.size()));
  keep(delta, rescale, [&](std::size_t, float number) { return largest.takes(number); });
}

void keep_middle(std::span<float> delta, double density, double gamma, bool rescale) {
  if (density >= 1) return;
  const auto top = share_of(gamma, delta.size());
  const auto stay = gamma > 0 && top == 0 ? 0 : share_of(density, delta.size());
  const auto bottom = delta.size() - std::min(delta.size(), stay + top);
  auto too_small = TopK::smallest(delta, bottom), small_enough = TopK::smallest(delta, bottom + stay);
  keep(delta, rescale, [&](std::size_t, float number) {
    const auto is_too_small = too_small.takes(number), is_small_enough = small_enough.takes(number);  // both see each
    return is_small_enough > is_too_small;
  });
}

void keep_random(std::span<float> delta, double density, const Chance& chance, bool rescale) {
  if (density >= 1) return;
  keep(delta, rescale, [&](std::size_t i, float) { return chance.at(i) < density; });
}

void keep_by_rank(std::span<float> delta, std::size_t columns, double density, double epsilon, const Chance& chance,
                  bool rescale) {
  if (density >= 1) return;
  if (density <= 0) epsilon = 0;
  const auto before = rescale ? sum_of_magnitudes(delta) : 0;
  // Above its place in the row the number's magnitude: of equal ones the first is smaller.
  std::vector<std::uint64_t> order(columns);
  for (std::size_t row = 0; row < delta.size(); row += columns) {
    for (std::size_t i = 0; i < columns; ++i)
      order[i] = std::uint64_t{std::bit_cast<std::uint32_t>(std::abs(delta[row + i]))} << 32 | i;
    std::sort(order.begin(), order.end());
    for (std::size_t rank = 0; rank < columns; ++rank) {
      const auto height = columns == 1 ? 0.5 : static_cast<double>(rank) / static_cast<double>(columns - 1);
      const auto i = row + (order[rank] & 0xffffffffU);
      delta[i] *= static_cast<float>(chance.at(i) < density - epsilon + 2 * epsilon * height);
    }
  }
  if (rescale) rescale_to(before, delta);
}

}  // namespace garage
