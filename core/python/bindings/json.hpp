// Documents as plain Python values: core writes the JSON, as the command line prints it, and Python reads it.
#pragma once

#include <string_view>

#include <pybind11/pybind11.h>

#include <garage/json_writer.hpp>

namespace garage::python {

pybind11::object python_of(std::string_view json);

// Of whatever core writes as JSON.
template <class T>
pybind11::object document_of(const T& value) {
  JsonWriter out;
  write_json(out, value);
  return python_of(out.take());
}

}  // namespace garage::python
