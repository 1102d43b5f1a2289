// What the module is made of, a file a subject.
#pragma once

#include <pybind11/pybind11.h>

namespace garage::python {

namespace py = pybind11;

void bind_errors(py::module_& module);
void bind_tensor(py::module_& module);
void bind_spec(py::module_& module);
void bind_part(py::module_& module);
void bind_compare(py::module_& module);
void bind_find(py::module_& module);
void bind_merge(py::module_& module);
void bind_detect(py::module_& module);
void bind_registry(py::module_& module);

}  // namespace garage::python
