// Who looks at whom: scores, what hides them, softmax, and the values that they weigh.
#pragma once

#include <torch/types.h>

#include <garage/blueprint.hpp>
#include <garage/nn/pass.hpp>

#include "position.hpp"

namespace garage::nn {

// Of what is looked at: this pass's keys, and those of passes before it.
struct Keys {
  torch::Tensor keys, values;  // (batch, kv_heads, keys, qk_dim or v_dim)
  torch::Tensor positions;     // (batch or 1, keys)
};

// q is (batch, heads, seq, qk_dim), and it gives (batch, heads, seq, v_dim). The caller's mask stands for the attention's own.
torch::Tensor attend(const Attention& attention, const PositionOp& position, const torch::Tensor& q, const Keys& seen,
                     Pass& pass);

// Of an encoder's output: every query sees all of it.
torch::Tensor attend(const Attention& attention, const torch::Tensor& q, const Keys& all);

}  // namespace garage::nn
