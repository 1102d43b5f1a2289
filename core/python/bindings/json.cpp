#include "json.hpp"

#include "text.hpp"

namespace garage::python {

pybind11::object python_of(std::string_view json) {
  return pybind11::module_::import("json").attr("loads")(text_of(json));
}

}  // namespace garage::python
