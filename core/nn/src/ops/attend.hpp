// Who looks at whom: scores, what hides them, softmax, and the values that they weigh.
#pragma once

#include <cstdint>
#include <list>
#include <string>

#include <torch/types.h>

#include <garage/blueprint.hpp>
#include <garage/nn/pass.hpp>

#include "position.hpp"

namespace garage::nn {

// Of what is looked at: this pass's keys, and those of passes before it.
struct Keys {
  torch::Tensor keys, values;  // (batch, kv_heads, keys, qk_dim or v_dim)
  torch::Tensor positions;     // (batch or 1, keys)
  torch::Tensor hidden;        // (batch, 1, 1, keys): those that are padding; undefined: none is
};

// Which scores are hidden, of passes whose positions are counted: layers share what they ask for.
class Masks {
 public:
  // (1, 1, seq, keys): of what is hidden in q's dtype, to be added. positions (1, seq), key_positions (1, keys).
  const torch::Tensor& of(const Mask& mask, const torch::Tensor& positions, const torch::Tensor& key_positions,
                          const torch::TensorOptions& options);

 private:
  struct Made {
    Mask mask;
    std::int64_t queries, keys;
    torch::Device device;
    torch::ScalarType dtype;
    torch::Tensor added;
  };
  std::list<Made> made_;  // so that what was given stays where it is
};

// q is (batch, heads, seq, qk_dim), and it gives (batch, heads, seq, v_dim). The caller's mask stands for the attention's own.
torch::Tensor attend(const Attention& attention, const PositionOp& position, const torch::Tensor& q, const Keys& seen,
                     Pass& pass);

// Which keys are padding, (batch, 1, 1, keys), as a mask of the tokens says, (batch, keys) with 0 for padding; undefined
// where it is. Throws kInvalidArgument for one of another shape or kind.
torch::Tensor hidden_padding(const std::string& part, const torch::Tensor& mask, std::int64_t batch, std::int64_t keys,
                             torch::Device device);

// Throws kInvalidArgument unless mask is (batch, tokens) of int64 or bool.
void require_mask(const std::string& part, const torch::Tensor& mask, std::int64_t batch, std::int64_t tokens);

// Of an encoder's output: every query sees all of it but padding.
torch::Tensor attend(const Attention& attention, const torch::Tensor& q, const Keys& all);

}  // namespace garage::nn
