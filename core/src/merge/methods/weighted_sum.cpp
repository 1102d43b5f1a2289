#include "weighted_sum.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace garage {

void weighted_sum(std::span<const Numbers> models, std::span<const double> weights, std::span<float> out) {
  constexpr std::size_t kAtOnce = 512;  // numbers: what a first-level cache holds of a sum
  std::array<double, kAtOnce> sum;
  for (std::size_t from = 0; from < out.size(); from += kAtOnce) {
    const auto here = std::min(kAtOnce, out.size() - from);
    // The first product begins the sum: 0 added to it would make 0 of a -0.
    for (std::size_t i = 0; i < here; ++i) sum[i] = weights[0] * models[0][from + i];
    for (std::size_t model = 1; model < models.size(); ++model)
      for (std::size_t i = 0; i < here; ++i) sum[i] += weights[model] * models[model][from + i];
    for (std::size_t i = 0; i < here; ++i) out[from + i] = static_cast<float>(sum[i]);
  }
}

}  // namespace garage
