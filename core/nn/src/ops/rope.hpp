// Rotary embeddings: transformers' modeling_rope_utils.py and each family's rotary embedding.
#pragma once

#include <torch/types.h>

#include <garage/blueprint.hpp>

namespace garage::nn {

struct RopeTable {
  torch::Tensor cos, sin;  // (batch, seq, dims), float32, times the attention factor
};

RopeTable rope_table(const Rope& rope, const torch::Tensor& position_ids);

// Turns the first dims dimensions of x, (batch, heads, seq, head_dim).
torch::Tensor turn(const Rope& rope, const RopeTable& table, const torch::Tensor& x);

}  // namespace garage::nn
