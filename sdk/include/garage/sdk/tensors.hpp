// Tensors: a file's tensors below one prefix, and what is made of them.
//
// Names are without the prefix: "self_attn.q_proj.weight" of a layer's. A tensor that is not there is named all the
// same: core, which checks every plugin's shapes alike, then misses it by its name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <garage/blueprint.hpp>
#include <garage/model.hpp>
#include <garage/sdk/norm_style.hpp>

namespace garage::sdk {

// How many tensors have a name that begins so.
std::int64_t count_tensors(const Model& model, const std::string& start);

// How many modules a list has: one more than the highest i of tensors named "<list>.<i>.…", but no more than there are
// such tensors.
std::int64_t count_modules(const Model& model, const std::string& list);

// Rows start to start + length of a projection that several share, of its bias too.
Linear rows(Linear fused, std::int64_t start, std::int64_t length);

class Tensors {
 public:
  // The model must outlive it. conv1d: projections are transformers' Conv1D, whose weight is [in, out].
  Tensors(const Model& model, std::string prefix, bool conv1d = false)
      : model_(&model), prefix_(std::move(prefix)), conv1d_(conv1d) {}

  Tensors below(std::string_view start) const;  // "layers.0."
  Tensors of(std::string_view module) const;    // "layers.0"; "" is where this is

  // The prefix of these under which most tensors begin with start.
  static Tensors most_of(const Model& model, const std::vector<std::string>& prefixes, const std::string& start);

  const Model& model() const noexcept { return *model_; }
  const std::string& prefix() const noexcept { return prefix_; }

  bool has(std::string_view name) const;                         // "self_attn.q_proj.bias"
  bool has_any(std::string_view start) const;                    // a tensor whose name begins so
  std::vector<std::int64_t> shape(std::string_view name) const;  // empty when absent
  std::int64_t count_modules(std::string_view list) const;       // "mlp.experts", by the highest index

  TensorRef tensor(std::string_view name) const { return tensor_of(name, ""); }  // under the name that the file uses
  Linear linear(std::string_view module, std::int64_t in, std::int64_t out, bool bias) const;
  Norm norm(std::string_view module, std::int64_t size, const NormStyle& style) const;
  // Of a module whose weight is torch.nn.Conv1d's, [channels, 1, kernel].
  CausalConvolution convolution(std::string_view module, std::int64_t channels, std::int64_t kernel, bool bias) const;

 private:
  TensorRef tensor_of(std::string_view module, std::string_view name) const;  // name: ".weight"

  const Model* model_;
  std::string prefix_;
  bool conv1d_;
};

}  // namespace garage::sdk
