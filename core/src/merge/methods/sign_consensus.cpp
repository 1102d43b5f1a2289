#include "sign_consensus.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

#include "../../encoding/wide_vectors.hpp"

namespace garage {
namespace {

GARAGE_WIDE_VECTORS void add_where_not_zero(const float* numbers, std::size_t count, float weight, float* sums) {
  for (std::size_t i = 0; i < count; ++i) sums[i] += numbers[i] != 0 ? weight : 0;
}

}  // namespace

void erase_minorities(std::span<std::vector<float>> deltas) {
  constexpr std::size_t kAtOnce = 1024;  // numbers: the sums of some places stay in the cache
  std::array<float, kAtOnce> sums;
  const auto numbers = deltas.empty() ? 0 : deltas.front().size();
  for (std::size_t from = 0; from < numbers; from += kAtOnce) {
    const auto here = std::min(kAtOnce, numbers - from);
    sums.fill(0);
    for (const auto& delta : deltas)
      for (std::size_t i = 0; i < here; ++i) sums[i] += delta[from + i];
    for (auto& delta : deltas)
      for (std::size_t i = 0; i < here; ++i) {
        auto& number = delta[from + i];
        // NaN is on neither side, and stays.
        const bool is_above = sums[i] >= 0;
        const bool is_minority = (is_above & (number < 0)) | (!is_above & (number > 0));
        number = is_minority ? 0 : number;
      }
  }
}

std::vector<float> agreeing_weights(std::span<const std::vector<float>> deltas, std::span<const float> weights) {
  std::vector<float> sums(deltas.empty() ? 0 : deltas.front().size());
  for (std::size_t model = 0; model < deltas.size(); ++model)
    add_where_not_zero(deltas[model].data(), sums.size(), weights[model], sums.data());
  return sums;
}

}  // namespace garage
