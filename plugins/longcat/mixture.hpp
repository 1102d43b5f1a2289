// LongCat's mixture: experts of which some give a token back as it came.
#pragma once

#include <cstdint>
#include <string>

#include <garage/sdk/family.hpp>

struct LongcatExperts {
  std::int64_t count = 0;     // that compute
  std::int64_t identity = 0;  // that do not
  std::int64_t top_k = 0;     // that a token visits, of either kind
  std::int64_t width = 0;
  double scale = 1;  // of their weights
  std::string activation;
};

LongcatExperts read_longcat_experts(const garage::sdk::ConfigReader& config);

// transformers 5 saves tensors of experts that read none.
void ignore_identity_experts(garage::sdk::StackBuilder& text, const LongcatExperts& experts);

// Parts gate_<i>, expert_<i>_<e> and ffn_<i>.
garage::sdk::Part longcat_mixture(garage::sdk::LayerBuilder& layer, const std::string& module,
                                  const LongcatExperts& experts);
