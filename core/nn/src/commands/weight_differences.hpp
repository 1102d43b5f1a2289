// What two models' weights differ in, tensor by tensor, in the form in which an adapter has it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <garage/nn/extract_lora.hpp>
#include <garage/plugin_host.hpp>
#include <garage/spec.hpp>

#include "../weights/tensor_store.hpp"
#include "adaptable_tensors.hpp"
#include "low_rank_factors.hpp"

namespace garage::nn {

// One model's tensors as they are stored, decoded where they are encoded; mapped for this alone.
class ModelTensors {
 public:
  // Throws as TensorStore::require_tensors.
  ModelTensors(const ModelSpec& spec, const PluginHost& plugins);

  torch::Tensor tensor(const std::string& name) const { return store_.tensor(TensorRef{name, {}}); }
  const std::string& id() const { return spec_.model_id; }
  const ModelSpec& spec() const { return spec_; }
  WeightFiles& files() const { return *store_.files(); }

 private:
  const ModelSpec& spec_;
  TensorStore store_;
};

// Points into the list of tensors that was looked at.
struct WeightDifferences {
  std::map<const AdaptableTensor*, LowRankFactors> factors;  // of linear weights
  std::set<const AdaptableTensor*> whole;                    // of all else
  std::map<std::string, const AdaptableTensor*> tied_heads;  // modules whose weight is one of these, too
  std::int64_t equal = 0;                                    // tensors that do not differ
  std::int64_t bounded = 0;  // weights with a dimension below the rank that is asked for
};

// Throws kUnsupported: a tensor that several embeddings read, numbers that are not finite, shapes that differ.
WeightDifferences weight_differences(const ModelTensors& a, const ModelTensors& b,
                                     const std::vector<AdaptableTensor>& tensors, const LoraOptions& options);

}  // namespace garage::nn
