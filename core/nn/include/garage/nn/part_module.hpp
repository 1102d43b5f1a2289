// PartModule: a part that runs.
//
// Every module computes what transformers computes for the same weights, in the same order of casts.
//
// Shapes    hidden_states are (batch, seq, hidden), ids are (batch, seq) int64.
// Threads   forward may be called from several threads at once: modules keep no state between calls.
// Errors    garage::Error; the message names the module.
#pragma once

#include <string>

#include <torch/nn/module.h>
#include <torch/types.h>

#include <garage/export.hpp>

namespace garage::nn {

// What attention needs to know of the sequence beside its hidden states.
struct ForwardContext {
  torch::Tensor position_ids;  // (batch, seq) int64; undefined: 0, 1, 2, ... for every row
  torch::Tensor mask;          // added to the scores, (batch or 1, 1 or heads, seq, seq); undefined: the part's own
};

class GARAGE_API PartModule : public torch::nn::Module {
 public:
  explicit PartModule(std::string name) : torch::nn::Module(std::move(name)) {}

  torch::Tensor forward(const torch::Tensor& input) { return forward(input, {}); }
  virtual torch::Tensor forward(const torch::Tensor& input, const ForwardContext& context) = 0;

 protected:
  // Throws kInvalidArgument unless input is (batch, seq, size) of a floating type.
  void require_hidden_states(const torch::Tensor& input, std::int64_t size) const;
};

}  // namespace garage::nn
