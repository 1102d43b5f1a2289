// The blocks of a layer, as calls of the SDK.
#pragma once

#include <string>

#include "facts.hpp"

namespace garage::cli {

// "layer_norm" or "rms", by whether the layer's first norm has a bias.
std::string norm_style(const LayerModules& layer);

bool stores_in_out(const LayerModules& layer);  // as GPT-2's Conv1D

std::string stages(const Facts& facts);

}  // namespace garage::cli
