#include "sparsify.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <vector>

#include <boost/sort/spreadsort/integer_sort.hpp>

#include "top_k.hpp"

namespace garage {
namespace {

void add_magnitudes(std::span<const float> numbers, double& sum) {
  for (const auto number : numbers) sum += std::abs(static_cast<double>(number));
}

// stays: called with each number, in order.
template <class Stays>
void keep(std::span<float> delta, Stays stays) {
  for (auto& number : delta) number *= static_cast<float>(stays(number));
}

}  // namespace

std::size_t share_of(double share, std::size_t count) {
  return static_cast<std::size_t>(share * static_cast<double>(count));
}

Sparsify keep_largest(const NumberPieces& delta, std::size_t count) {
  return [largest = TopK::largest(delta, std::array{count}).front()](std::span<float> piece, std::int64_t) mutable {
    keep(piece, [&](float number) { return largest.takes(number); });
  };
}

Sparsify keep_middle(const NumberPieces& delta, std::size_t count, double density, double gamma) {
  const auto top = share_of(gamma, count);
  const auto stay = gamma > 0 && top == 0 ? 0 : share_of(density, count);
  const auto bottom = count - std::min(count, stay + top);
  auto ends = TopK::smallest(delta, std::array{bottom, bottom + stay});
  return [too_small = ends[0], small_enough = ends[1]](std::span<float> piece, std::int64_t) mutable {
    keep(piece, [&](float number) {
      const auto is_too_small = too_small.takes(number), is_small_enough = small_enough.takes(number);  // both see each
      return is_small_enough > is_too_small;
    });
  };
}

Sparsify keep_random(double density, const Chance& chance) {
  return [=](std::span<float> piece, std::int64_t first) {
    auto i = static_cast<std::uint64_t>(first);
    keep(piece, [&](float) { return chance.at(i++) < density; });
  };
}

Sparsify keep_by_rank(std::size_t columns, double density, double epsilon, const Chance& chance) {
  if (density <= 0) epsilon = 0;
  return [=](std::span<float> piece, std::int64_t first) {
    // Above its place in the row the number's magnitude: of equal ones the first is smaller.
    std::vector<std::uint64_t> order(columns);
    for (std::size_t row = 0; row < piece.size(); row += columns) {
      for (std::size_t i = 0; i < columns; ++i)
        order[i] = std::uint64_t{std::bit_cast<std::uint32_t>(std::abs(piece[row + i]))} << 32 | i;
      boost::sort::spreadsort::integer_sort(order.begin(), order.end());
      for (std::size_t rank = 0; rank < columns; ++rank) {
        const auto height = columns == 1 ? 0.5 : static_cast<double>(rank) / static_cast<double>(columns - 1);
        const auto i = row + (order[rank] & 0xffffffffU);
        const auto drawn = chance.at(static_cast<std::uint64_t>(first) + i);
        piece[i] *= static_cast<float>(drawn < density - epsilon + 2 * epsilon * height);
      }
    }
  };
}

Sparsify rescaled(const Sparsify& sparsify, const NumberPieces& delta) {
  constexpr double kNothing = 1e-7;
  double before = 0, after = 0;
  std::int64_t first = 0;
  std::vector<float> left;
  auto once = sparsify;  // a copy, which is at the first number whatever was done with another
  delta([&](Numbers piece) {
    left.assign(piece.begin(), piece.end());
    add_magnitudes(left, before);
    once(left, first);
    add_magnitudes(left, after);
    first += static_cast<std::int64_t>(piece.size());
  });
  if (before < kNothing || after < kNothing) return sparsify;
  return [sparsify, factor = static_cast<float>(before / after)](std::span<float> piece, std::int64_t at) {
    sparsify(piece, at);
    for (auto& number : piece) number *= factor;
  };
}

}  // namespace garage
