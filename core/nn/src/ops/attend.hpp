// Who looks at whom: scores, what hides them, softmax, and the values that they weigh.
#pragma once

#include <torch/types.h>

#include <garage/blueprint.hpp>
#include <garage/nn/pass.hpp>

#include "position.hpp"

namespace garage::nn {

// Of what is looked at: this pass's keys, and those of passes before it.
struct Keys {
  torch::Tensor keys, values;  // (batch, kv_heads, keys, head_dim)
  torch::Tensor positions;     // (batch or 1, keys)
};

// q is (batch, heads, seq, head_dim), and so is what it gives. The caller's mask stands for the attention's own.
torch::Tensor attend(const Attention& attention, const PositionOp& position, const torch::Tensor& q, const Keys& seen,
                     Pass& pass);

}  // namespace garage::nn
