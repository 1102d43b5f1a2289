#include "weight.hpp"

#include <ATen/ops/embedding.h>
#include <ATen/ops/linear.h>

namespace garage::nn {

Weight Weight::registered(torch::nn::Module& module, const std::string& name) const {
  if (!defined()) return *this;
  return Weight(module.register_parameter(name, dense_, /*requires_grad=*/false));
}

torch::Tensor Weight::rows(const torch::Tensor& ids) const { return at::embedding(dense_, ids); }

torch::Tensor Weight::apply(const torch::Tensor& x, const Weight& bias) const {
  return at::linear(x, dense_, bias.dense());
}

}  // namespace garage::nn
