// The steps of a blueprint's view, on a tensor: strides where they can say it, else a copy.
#pragma once

#include <span>

#include <garage/blueprint/tensor_ref.hpp>

#include "tensor.hpp"

namespace garage::python {

// Throws kInvalidArgument, naming tensor, shape and step, for a step that does not fit.
Tensor seen_through(Tensor tensor, std::span<const ViewStep> view);

// "narrow [0, 64, 32]", for messages.
std::string step_text(const ViewStep& step);

}  // namespace garage::python
