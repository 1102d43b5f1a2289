// Tensors as NumPy's arrays, by its array interface: NumPy is imported when somebody asks, and not linked.
#pragma once

#include <pybind11/pybind11.h>

#include "tensor.hpp"

namespace garage::python {

// A view of the tensor's memory, which it keeps. Throws kUnsupported for a dtype that NumPy lacks.
pybind11::object numpy_of(const Tensor& tensor);

void bind_array_interface(pybind11::module_& module);

}  // namespace garage::python
