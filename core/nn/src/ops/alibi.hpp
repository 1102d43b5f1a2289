// transformers: build_alibi_tensor of modeling_bloom.py (arXiv:2108.12409).
#pragma once

#include <cstdint>

#include <torch/types.h>

#include <garage/blueprint.hpp>

#include "position.hpp"

namespace garage::nn {

class AlibiPosition : public PositionOp {
 public:
  AlibiPosition(const Alibi& alibi, std::int64_t heads, torch::Device device);
  torch::Tensor bias(const torch::Tensor& positions, const torch::Tensor& key_positions) const override;

 private:
  Alibi alibi_;
  torch::Tensor slopes_;  // (heads, 1, 1), float32
};

}  // namespace garage::nn
