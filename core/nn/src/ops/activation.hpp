// Activations by the names that transformers' activations.py gives them.
#pragma once

#include <string>

#include <torch/types.h>

namespace garage::nn {

// Throws kUnsupported for a name that this version does not compute.
torch::Tensor activate(const std::string& name, const torch::Tensor& x);

}  // namespace garage::nn
