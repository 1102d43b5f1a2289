// GPT-OSS's mixture: a router with a bias, and experts whose gates are cut off, with biases.
#pragma once

#include <cstdint>
#include <string>

#include <garage/sdk/family.hpp>

struct GptOssExperts {
  std::int64_t count, top_k;
};

// Throws kUnsupported for another activation or limit than the class computes.
GptOssExperts read_gpt_oss_experts(const garage::sdk::ConfigReader& config);

// Parts gate_<i>, expert_<i>_<e> and ffn_<i>, of as many numbers within as the stack's dimensions say.
garage::sdk::Part gpt_oss_mixture(garage::sdk::LayerBuilder& layer, const std::string& module,
                                  const GptOssExperts& experts);
