// What float32 itself costs in checkpoints that are very small.
#pragma once

#include <map>
#include <string>

namespace garage::test {

// How far transformers' own logits, which are float32, are from what its classes give in float64 (the recurrence of delta
// nets by torch_recurrent_gated_delta_rule): checkpoints so small that a norm over four numbers, or Gemma 3n's between
// streams, makes rounding larger. Which way it falls is the processor's affair, in one pass and in two: with the kernels of
// AVX2 all are within 1e-5, with those of before AVX one is 3e-5 off in two passes. So thrice that much is added to
// what comes out of a whole model, not parts by themselves, may be off by.
inline double own_rounding(const std::string& variant) {
  static const std::map<std::string, double> kRounding = {{"gemma-3n-text", 4.7e-6},
                                                          {"qwen3-next", 2.7e-6},
                                                          {"qwen3.5", 2.0e-6},
                                                          {"qwen3.5-moe", 9.2e-6},
                                                          {"qwen3.5-moe-text", 7.1e-6},
                                                          {"qwen3.5-text", 4.7e-6}};
  const auto known = kRounding.find(variant);
  return known == kRounding.end() ? 0 : known->second;
}

}  // namespace garage::test
