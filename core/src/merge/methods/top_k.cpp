#include "top_k.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <optional>

namespace garage {
namespace {

constexpr std::size_t kHalves = 1U << 16U;

// How many of the numbers have a half of their key, by that half.
struct Halves {
  std::vector<std::size_t> counts = std::vector<std::size_t>(kHalves);

  // The half where the left-th from above lies, 1 being the first; of left remains its place among those that have it.
  std::uint32_t at(std::size_t& left) const {
    auto half = kHalves - 1;
    for (; left > counts[half]; --half) left -= counts[half];
    return static_cast<std::uint32_t>(half);
  }
};

struct Threshold {
  std::uint32_t upper;
  std::size_t left;      // its place among those that have this upper half
  std::size_t lower_at;  // which of the counts of lower halves are theirs
};

}  // namespace

// A threshold's upper half by counting all, its lower half by counting those that share the upper one.
std::vector<TopK> TopK::found(const NumberPieces& numbers, std::span<const std::size_t> ks, std::uint32_t flip) {
  Halves uppers;
  numbers([&](Numbers some) {
    for (const auto number : some) ++uppers.counts[key_of(number, flip) >> 16U];
  });
  const auto all = std::accumulate(uppers.counts.begin(), uppers.counts.end(), std::size_t{0});
  std::vector<std::uint32_t> upper_halves;  // in which a threshold lies
  std::vector<std::optional<Threshold>> thresholds;
  for (auto k : ks) {
    if (k == 0 || k > all) {
      thresholds.emplace_back();
      continue;
    }
    const auto upper = uppers.at(k);
    const auto at = std::find(upper_halves.begin(), upper_halves.end(), upper);
    thresholds.push_back(Threshold{upper, k, static_cast<std::size_t>(at - upper_halves.begin())});
    if (at == upper_halves.end()) upper_halves.push_back(upper);
  }
  std::vector<Halves> lowers(upper_halves.size());
  if (!lowers.empty())
    numbers([&](Numbers some) {
      for (const auto number : some)
        for (std::size_t i = 0; i < lowers.size(); ++i)
          if (const auto key = key_of(number, flip); key >> 16U == upper_halves[i]) ++lowers[i].counts[key & 0xffffU];
    });
  std::vector<TopK> result;
  for (std::size_t i = 0; i < ks.size(); ++i) {
    if (ks[i] == 0) result.push_back({flip, std::numeric_limits<std::uint32_t>::max(), 0});
    else if (!thresholds[i]) result.push_back({flip, 0, all});
    else {
      auto [upper, left, lower_at] = *thresholds[i];
      const auto lower = lowers[lower_at].at(left);
      result.push_back({flip, upper << 16U | lower, left});
    }
  }
  return result;
}

}  // namespace garage
