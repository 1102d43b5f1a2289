#include "relative_bias.hpp"

#include <cmath>

#include <ATen/ops/log.h>
#include <ATen/ops/where.h>

namespace garage::nn {

// In float32, step for step: where a bucket ends is a matter of its rounding.
torch::Tensor buckets_of(const RelativeBias& bias, const torch::Tensor& distance) {
  const auto count = bias.of_a_side(), exact = bias.exact();
  const auto far = bias.two_sided ? distance.abs() : distance.neg().clamp_min(0);
  const auto steps = at::log(far.to(torch::kFloat32) / exact) /
                     std::log(static_cast<double>(bias.max_distance) / static_cast<double>(exact)) * (count - exact);
  const auto beyond = (steps.to(torch::kInt64) + exact).clamp_max(count - 1);
  const auto buckets = at::where(far < exact, far, beyond);
  return bias.two_sided ? buckets + (distance > 0).to(torch::kInt64) * count : buckets;
}

torch::Tensor RelativeBiasPosition::bias(const torch::Tensor& positions, const torch::Tensor& key_positions) const {
  const auto distance = key_positions.unsqueeze(-2) - positions.unsqueeze(-1);  // (batch or 1, seq, keys)
  return table_.rows(buckets_of(bias_, distance)).permute({0, 3, 1, 2});
}

}  // namespace garage::nn
