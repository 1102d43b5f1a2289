// PositionOp: how an attention lets positions tell: by turning queries and keys (rope), by what it adds to the scores
// (a bias by distance), or not at all.
#pragma once

#include <memory>

#include <torch/nn/module.h>
#include <torch/types.h>

#include <garage/blueprint.hpp>
#include <garage/nn/pass.hpp>

namespace garage::nn {

class TensorStore;

// Threads: const members run on several threads at once, each with a pass of its own.
class PositionOp {
 public:
  virtual ~PositionOp() = default;

  // q (batch, heads, seq, head_dim) and k (batch, kv_heads, seq, head_dim) of the pass's own positions; k is turned
  // before it is remembered. k is undefined where an attention looks at another's.
  virtual void turn(torch::Tensor& /*q*/, torch::Tensor& /*k*/, Pass& /*pass*/) const {}

  // What is added to the scores, (batch or 1, heads or 1, seq, keys), of queries and keys at these positions, (batch or
  // 1, seq) and (batch or 1, keys); undefined: nothing.
  virtual torch::Tensor bias(const torch::Tensor& /*positions*/, const torch::Tensor& /*key_positions*/) const {
    return {};
  }
};

// The one list of them. Weights that it has become the module's parameters.
std::unique_ptr<PositionOp> make_position(torch::nn::Module& module, const Attention& attention,
                                          const TensorStore& store);

}  // namespace garage::nn
