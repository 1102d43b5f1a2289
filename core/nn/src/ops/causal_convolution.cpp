#include <garage/nn/causal_convolution.hpp>

#include <ATen/ops/cat.h>
#include <ATen/ops/conv1d.h>
#include <ATen/ops/zeros.h>

namespace garage::nn {

torch::Tensor causal_convolution(const torch::Tensor& x, const torch::Tensor& kernel, const torch::Tensor& bias,
                                 torch::Tensor& before) {
  const auto width = kernel.size(1) - 1;
  if (!before.defined()) before = torch::zeros({x.size(0), x.size(1), width}, x.options());
  const auto all = at::cat({before, x}, -1);
  before = all.narrow(-1, all.size(-1) - width, width).clone();  // not a view: what it is a view of would stay
  c10::optional<torch::Tensor> added;
  if (bias.defined()) added = bias;
  static constexpr std::int64_t kStep = 1, kPadding = 0;
  return at::conv1d(all, kernel.unsqueeze(1), added, kStep, at::IntArrayRef(kPadding), kStep, kernel.size(0));
}

}  // namespace garage::nn
