// transformers: T5Attention.compute_bias of modeling_t5.py (arXiv:1910.10683, section 2.1).
#pragma once

#include <torch/types.h>

#include <garage/blueprint.hpp>

#include "../weights/weight.hpp"
#include "position.hpp"

namespace garage::nn {

class RelativeBiasPosition : public PositionOp {
 public:
  RelativeBiasPosition(const RelativeBias& bias, Weight table) : bias_(bias), table_(std::move(table)) {}
  torch::Tensor bias(const torch::Tensor& positions, const torch::Tensor& key_positions) const override;

 private:
  RelativeBias bias_;
  Weight table_;  // (buckets, heads)
};

// Which bucket each distance from a query to a key is in; both int64, of any shape.
torch::Tensor buckets_of(const RelativeBias& bias, const torch::Tensor& distance);

}  // namespace garage::nn
