#include "weight.hpp"

#include <ATen/ops/embedding.h>
#include <ATen/ops/linear.h>

#include "packed_weight.hpp"

namespace garage::nn {

Weight Weight::registered(torch::nn::Module& module, const std::string& name) const {
  if (!dense_.defined()) return *this;
  return Weight(module.register_parameter(name, dense_, /*requires_grad=*/false));
}

std::int64_t Weight::size(std::int64_t dim) const { return packed_ ? packed_->size(dim) : dense_.size(dim); }

torch::TensorOptions Weight::options() const { return packed_ ? packed_->options() : dense_.options(); }

torch::Tensor Weight::dense() const { return packed_ ? packed_->whole() : dense_; }

torch::Tensor Weight::rows(const torch::Tensor& ids) const {
  return packed_ ? packed_->rows(ids) : at::embedding(dense_, ids);
}

torch::Tensor Weight::apply(const torch::Tensor& x, const Weight& bias) const {
  return at::linear(x, dense(), bias.dense());
}

}  // namespace garage::nn
