// Text that core gives, as Python has it. What is not UTF-8 (paths in messages) shows its bytes.
#pragma once

#include <string_view>

#include <pybind11/pybind11.h>

namespace garage::python {

inline pybind11::str text_of(std::string_view text) {
  auto* decoded = PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "backslashreplace");
  if (!decoded) throw pybind11::error_already_set();
  return pybind11::reinterpret_steal<pybind11::str>(decoded);
}

}  // namespace garage::python
