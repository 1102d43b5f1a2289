// Quantised checkpoints: recognised, so that packed shapes are never taken for dimensions.
#pragma once

#include <optional>
#include <string>

#include <garage/model.hpp>

namespace garage {

// Why the model is not read, and what to do: its weights are quantised, or its config says so of weights that are
// plain. Nothing for a plain model, also where its config has a quantiser that is switched off.
std::optional<std::string> quantisation_of(const Model& model);

}  // namespace garage
