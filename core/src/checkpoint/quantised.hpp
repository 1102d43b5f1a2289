// Quantised checkpoints: recognised, so that packed shapes are never taken for dimensions.
#pragma once

#include <optional>
#include <string>

#include <garage/model.hpp>

namespace garage {

// What shows that the model is quantised: "config.json has 'quantization_config' (gptq)". Nothing for a plain one.
std::optional<std::string> quantisation_of(const Model& model);

}  // namespace garage
