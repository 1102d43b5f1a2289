// What all parts share that go through a sequence token by token.
#pragma once

#include <string>

#include <torch/types.h>

#include <garage/nn/pass.hpp>

namespace garage::nn {

// What such a part is given, with zeros where padding stands. Throws kUnsupported where the caller gives a mask of
// scores, which does not say what is padding.
torch::Tensor recurrent_input(const std::string& part, const torch::Tensor& given, const Pass& pass);

}  // namespace garage::nn
