// garage::Error as the class of garage/errors.py that its code says.
#include <garage/error.hpp>

#include "bindings.hpp"
#include "text.hpp"

namespace garage::python {
namespace {

void raise(const Error& error) {
  py::list details;
  for (const auto& line : error.details()) details.append(text_of(line));
  const auto made = py::module_::import("garage.errors")
                        .attr("make")(static_cast<int>(error.code()), text_of(error.message()), details);
  PyErr_SetObject(py::type::handle_of(made).ptr(), made.ptr());
}

}  // namespace

void bind_errors(py::module_&) {
  py::register_local_exception_translator([](std::exception_ptr fault) {
    try {
      if (fault) std::rethrow_exception(fault);
    } catch (const Error& error) {
      try {
        raise(error);
      } catch (py::error_already_set& other) { other.restore(); }
    }
  });
}

}  // namespace garage::python
