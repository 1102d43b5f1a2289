// Weight: what a module holds of one of the model's tensors. A module asks it for what it needs and never stores the
// tensor itself, so that how a weight is stored, dense or packed, is no module's concern.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <torch/nn/module.h>
#include <torch/types.h>

namespace garage::nn {

class PackedWeight;

class Weight {
 public:
  Weight() = default;  // of a model that has none here
  explicit Weight(torch::Tensor dense) : dense_(std::move(dense)) {}
  explicit Weight(std::shared_ptr<const PackedWeight> packed) : packed_(std::move(packed)) {}

  // The same weight, whose tensors are from now on the module's parameters of that name; they ask for no gradient. A
  // packed one has none.
  Weight registered(torch::nn::Module& module, const std::string& name) const;

  bool defined() const noexcept { return dense_.defined() || packed_; }
  bool is_packed() const noexcept { return packed_ != nullptr; }
  std::int64_t size(std::int64_t dim) const;
  torch::TensorOptions options() const;  // the device and dtype that it computes in

  torch::Tensor dense() const;                                            // undefined where the model has none
  torch::Tensor rows(const torch::Tensor& ids) const;                     // of [rows, H]: ids.sizes() + [H]
  torch::Tensor apply(const torch::Tensor& x, const Weight& bias) const;  // of [out, in]: x weight^T + bias

 private:
  torch::Tensor dense_;
  std::shared_ptr<const PackedWeight> packed_;
};

}  // namespace garage::nn
