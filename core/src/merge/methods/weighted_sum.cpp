#include "weighted_sum.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "../../encoding/wide_vectors.hpp"

namespace garage {
namespace {

GARAGE_WIDE_VECTORS void set_products(double weight, const float* numbers, std::size_t count, double* sum) {
  for (std::size_t i = 0; i < count; ++i) sum[i] = weight * numbers[i];
}
GARAGE_WIDE_VECTORS void add_products(double weight, const float* numbers, std::size_t count, double* sum) {
  for (std::size_t i = 0; i < count; ++i) sum[i] += weight * numbers[i];
}
GARAGE_WIDE_VECTORS void round_sums(const double* sum, std::size_t count, float* out) {
  for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<float>(sum[i]);
}

}  // namespace

void weighted_sum(std::span<const Numbers> models, std::span<const double> weights, std::span<float> out) {
  constexpr std::size_t kAtOnce = 512;  // numbers: what a first-level cache holds of a sum
  std::array<double, kAtOnce> sum;
  for (std::size_t from = 0; from < out.size(); from += kAtOnce) {
    const auto here = std::min(kAtOnce, out.size() - from);
    // The first product begins the sum: 0 added to it would make 0 of a -0.
    set_products(weights[0], models[0].data() + from, here, sum.data());
    for (std::size_t model = 1; model < models.size(); ++model)
      add_products(weights[model], models[model].data() + from, here, sum.data());
    round_sums(sum.data(), here, out.data() + from);
  }
}

PieceMerge weighted(std::vector<std::size_t> models, std::vector<double> weights) {
  return [models = std::move(models), weights = std::move(weights)](const MergePiece& piece, std::span<float> out) {
    weighted_sum(numbers_of(piece, models), weights, out);
  };
}

}  // namespace garage
