#include "notes.hpp"

#include <pybind11/pybind11.h>

#include "text.hpp"

namespace garage::python {

namespace py = pybind11;

void warn(const std::vector<std::string>& notes) {
  if (notes.empty()) return;
  const auto category = py::module_::import("garage.errors").attr("Note");
  for (const auto& note : notes)
    if (PyErr_WarnEx(category.ptr(), text_of(note).cast<std::string>().c_str(), 1) < 0) throw py::error_already_set();
}

}  // namespace garage::python
