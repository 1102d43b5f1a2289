// PartModule: a part that runs.
//
// Every module computes what transformers computes for the same weights, in the same order of casts.
//
// Shapes    hidden_states are (batch, seq, hidden), ids are (batch, seq) int64.
// Threads   forward may be called from several threads at once: modules keep no state between calls.
// Errors    garage::Error; the message names the module. LibTorch's own errors come as kInternal.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include <torch/nn/module.h>
#include <torch/types.h>

#include <garage/export.hpp>

namespace garage::nn {

// The keys and values that attentions have seen of one batch, so that it can be decoded step by step: pass the same
// cache with each next piece of it. Not for several threads at once.
class GARAGE_API KeyValueCache {
 public:
  std::int64_t length() const;  // positions seen so far

  // What one attention keeps; of a new one all are undefined.
  struct Entry {
    torch::Tensor keys, values;  // (batch, kv_heads, length, head_dim), turned by the rope
    torch::Tensor position_ids;  // (batch or 1, length)
  };
  Entry& of(const std::string& attention) { return entries_[attention]; }

 private:
  std::map<std::string, Entry> entries_;
};

// What attention needs to know of the sequence beside its hidden states.
struct ForwardContext {
  torch::Tensor position_ids;  // (batch, seq) int64; undefined: 0, 1, 2, ... for every row, or on from the cache's
  torch::Tensor mask;  // added to the scores, (batch or 1, 1 or heads, seq, cached + seq); undefined: the part's own
  KeyValueCache* cache = nullptr;
};

class WeightFiles;

class GARAGE_API PartModule : public torch::nn::Module {
 public:
  explicit PartModule(std::string name) : torch::nn::Module(std::move(name)) {}

  // Throws kInvalidArgument for an input that does not fit, kUnsupported where this LibTorch has no kernel (half
  // precision on the CPU of old ones), kCorrupt when a mapped file was written to or cut off since the part was made.
  torch::Tensor forward(const torch::Tensor& input) { return forward(input, {}); }
  torch::Tensor forward(const torch::Tensor& input, const ForwardContext& context);

 protected:
  virtual torch::Tensor compute(const torch::Tensor& input, const ForwardContext& context) = 0;

  // Throws kInvalidArgument unless input is (batch, seq, size), of weight's dtype and on its device.
  void require_hidden_states(const torch::Tensor& input, std::int64_t size, const torch::Tensor& weight) const;

 private:
  friend class PartBinding;
  std::shared_ptr<const WeightFiles> files_;  // where parameters are views of mapped files
  torch::TensorOptions home_;                 // its first parameter's device and dtype
};

}  // namespace garage::nn
