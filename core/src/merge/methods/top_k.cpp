#include "top_k.hpp"

#include <limits>
#include <vector>

namespace garage {
namespace {

using Counts = std::vector<std::size_t>;  // of the numbers whose half of a key is the place
constexpr std::size_t kHalves = 1U << 16U;

// The half where the left-th from above lies, 1 being the first; of left remains the place among those that have it.
std::uint32_t half_at(const Counts& counts, std::size_t& left) {
  auto half = kHalves - 1;
  for (; left > counts[half]; --half) left -= counts[half];
  return static_cast<std::uint32_t>(half);
}

}  // namespace

TopK::TopK(Numbers numbers, std::size_t k, std::uint32_t flip) : flip_(flip) {
  if (k == 0) threshold_ = std::numeric_limits<std::uint32_t>::max();
  if (k >= numbers.size()) equal_left_ = numbers.size();
  if (k == 0 || k >= numbers.size()) return;
  // The threshold's upper half by counting all, its lower half by counting those that share the upper one.
  Counts counts(kHalves);
  for (const auto number : numbers) ++counts[key_of(number) >> 16U];
  equal_left_ = k;
  const auto upper = half_at(counts, equal_left_);
  counts.assign(kHalves, 0);
  for (const auto number : numbers)
    if (const auto key = key_of(number); key >> 16U == upper) ++counts[key & 0xffffU];
  threshold_ = upper << 16U | half_at(counts, equal_left_);
}

}  // namespace garage
