#include "alibi.hpp"

#include <bit>
#include <cmath>
#include <vector>

#include <ATen/ops/tensor.h>

namespace garage::nn {
namespace {

// As torch.pow in float32 of a base that was rounded to it.
void add_powers(std::vector<float>& slopes, double base, int first, int step, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i)
    slopes.push_back(std::pow(static_cast<float>(base), static_cast<float>(first + i * step)));
}

torch::Tensor slopes_of(const Alibi& alibi, std::int64_t heads) {
  const auto whole = static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(heads)));
  const auto base = [&](std::int64_t of) { return std::exp2(-alibi.max_bias / static_cast<double>(of)); };
  std::vector<float> slopes;
  add_powers(slopes, base(whole), 1, 1, whole);
  add_powers(slopes, base(2 * whole), 1, 2, heads - whole);
  return torch::tensor(slopes).view({heads, 1, 1});
}

}  // namespace

AlibiPosition::AlibiPosition(const Alibi& alibi, std::int64_t heads, torch::Device device)
    : alibi_(alibi), slopes_(slopes_of(alibi, heads).to(device)) {}

torch::Tensor AlibiPosition::bias(const torch::Tensor&, const torch::Tensor& key_positions) const {
  // (batch, heads, 1, keys)
  const auto dtype = alibi_.in_bfloat16.value_or(false) ? torch::kBFloat16 : torch::kFloat32;
  const auto positions = key_positions.to(dtype).unsqueeze(1).unsqueeze(2);
  const auto bias = (slopes_.to(positions.options()) * positions).to(torch::kFloat32);
  return alibi_.scale ? bias * *alibi_.scale : bias;
}

}  // namespace garage::nn
