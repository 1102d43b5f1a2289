// PartModule: a part that runs.
//
// Every module computes what transformers computes for the same weights, in the same order of casts.
//
// Shapes    hidden_states are (batch, seq, hidden), ids are (batch, seq) int64.
// Threads   forward may be called from several threads at once: modules keep no state between calls.
// Errors    garage::Error; the message names the module. LibTorch's own errors come as kInternal.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <torch/nn/module.h>
#include <torch/types.h>

#include <garage/export.hpp>
#include <garage/nn/pass.hpp>
#include <garage/nn/sequence.hpp>

namespace garage {

class WeightFiles;

namespace nn {

class GARAGE_API PartModule : public torch::nn::Module {
 public:
  explicit PartModule(std::string name) : torch::nn::Module(std::move(name)) {}

  // Throws kInvalidArgument for an input that does not fit, kUnsupported where this LibTorch has no kernel (half
  // precision on the CPU of old ones), kCorrupt when a mapped file was written to or cut off since the part was made.
  torch::Tensor forward(const torch::Tensor& input) { return forward(input, Sequence()); }
  torch::Tensor forward(const torch::Tensor& input, const Sequence& sequence);

  // For a part that runs another: within its own pass.
  torch::Tensor forward(const torch::Tensor& input, Pass& pass);

 protected:
  virtual torch::Tensor compute(const torch::Tensor& input, Pass& pass) = 0;

  // Throws kInvalidArgument unless input is (batch, seq, size), of that dtype and on that device.
  void require_hidden_states(const torch::Tensor& input, std::int64_t size, const torch::TensorOptions& home) const;

 private:
  template <class Body>
  torch::Tensor translated(Body body) const;  // LibTorch's errors as ours

  friend class PartBinding;
  std::shared_ptr<const WeightFiles> files_;   // where parameters are views of mapped files
  std::shared_ptr<const WeightFiles> opened_;  // of a module that a caller has: the next part need not open them anew
  torch::TensorOptions home_;                  // its first parameter's device and dtype
  bool is_foreign_ = false;                    // code of a plugin, which knows no fixed steps
};

}  // namespace nn
}  // namespace garage
