// A blueprint's reference to a tensor, as Python has it: {"tensor": "c_attn.weight", "view": [{"transpose": [0, 1]}]}.
#pragma once

#include <pybind11/pybind11.h>

#include <garage/blueprint/tensor_ref.hpp>

namespace garage::python {

// A text is the whole tensor of that name. What else the document has beside the two (a shape) is passed over.
// Throws kInvalidArgument, saying what it should be.
TensorRef reference_of(const pybind11::object& reference);

}  // namespace garage::python
