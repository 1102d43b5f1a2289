// Mixtures of experts, in every layout that files have: one tensor an expert, or stacked as transformers 5 holds them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <garage/sdk/decoder.hpp>

namespace garage::sdk {

struct MixtureFacts {
  std::int64_t experts = 0;
  std::int64_t top_k = 0;         // experts that a token visits
  std::int64_t intermediate = 0;  // width of one expert
  Scoring scoring = Scoring::softmax;
  std::optional<double> jitter;                     // of the sparsemixer
  std::optional<std::int64_t> shared_intermediate;  // width of the expert that every token visits
  std::string router = "gate";                      // its module in transformers 5, below the feed-forward's
};

// Adds ffn_<i>, gate_<i>, expert_<i>_<e> and, where there is one, shared_expert_<i>. module is the feed-forward's in
// transformers 5, "layers.0.mlp"; the file may have the names of transformers 4. Both layouts give the same parts, but
// for their tensors.
void add_mixture(DecoderBuilder& build, std::int64_t layer, const std::string& module, const std::string& activation,
                 const MixtureFacts& facts);

}  // namespace garage::sdk
