// In which dtype parts compute together whose tensors are stored in several.
#pragma once

#include <optional>
#include <span>
#include <string>

#include <torch/types.h>

#include <garage/spec.hpp>
#include <garage/weight_files.hpp>

namespace garage::nn {

// The widest floating dtype of all tensors that these parts and those in them read; of bfloat16 and float16, float32.
// Nothing where all have one: then each is computed as it is stored.
std::optional<torch::ScalarType> computing_dtype(const ModelSpec& spec, std::span<const std::string> parts,
                                                 const WeightFiles& files);

}  // namespace garage::nn
