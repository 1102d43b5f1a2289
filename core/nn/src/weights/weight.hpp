// Weight: what a module holds of one of the model's tensors. A module asks it for what it needs and never stores the
// tensor itself, so that how a weight is stored (dense today) is no module's concern.
#pragma once

#include <cstdint>
#include <string>

#include <torch/nn/module.h>
#include <torch/types.h>

namespace garage::nn {

class Weight {
 public:
  Weight() = default;  // of a model that has none here
  explicit Weight(torch::Tensor dense) : dense_(std::move(dense)) {}

  // The same weight, whose tensors are from now on the module's parameters of that name; they ask for no gradient.
  Weight registered(torch::nn::Module& module, const std::string& name) const;

  bool defined() const noexcept { return dense_.defined(); }
  std::int64_t size(std::int64_t dim) const { return dense_.size(dim); }
  torch::TensorOptions options() const { return dense_.options(); }  // the device and dtype that it computes in

  const torch::Tensor& dense() const noexcept { return dense_; }          // undefined where the model has none
  torch::Tensor rows(const torch::Tensor& ids) const;                     // of [rows, H]: ids.sizes() + [H]
  torch::Tensor apply(const torch::Tensor& x, const Weight& bias) const;  // of [out, in]: x weight^T + bias

 private:
  torch::Tensor dense_;
};

}  // namespace garage::nn
