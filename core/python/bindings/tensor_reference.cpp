#include "tensor_reference.hpp"

#include <pybind11/stl.h>

#include <garage/error.hpp>

namespace garage::python {
namespace {

namespace py = pybind11;

[[noreturn]] void refuse(const py::handle& what, const char* should) {
  throw Error(Errc::kInvalidArgument, py::repr(what).cast<std::string>() + ": should be " + should);
}

ViewStep step_of(const py::handle& step) {
  constexpr const char* kShould = "a step of a view, such as {\"narrow\": [0, 0, 32]}";
  if (!py::isinstance<py::dict>(step) || py::len(step) != 1) refuse(step, kShould);
  const auto [kind, arguments] = *py::reinterpret_borrow<py::dict>(step).begin();
  ViewStep made;
  if (!py::isinstance<py::str>(kind) || !boost::describe::enum_from_string(kind.cast<std::string>().c_str(), made.kind))
    refuse(step, kShould);
  try {
    made.arguments = arguments.cast<std::vector<std::int64_t>>();
  } catch (const py::cast_error&) { refuse(step, kShould); }
  return made;
}

}  // namespace

TensorRef reference_of(const py::object& reference) {
  if (py::isinstance<py::str>(reference)) return {reference.cast<std::string>(), {}};
  const bool is_one = py::isinstance<py::dict>(reference) && py::dict(reference).contains("tensor") &&
                      py::isinstance<py::str>(reference["tensor"]);
  if (!is_one) refuse(reference, "a reference to a tensor: {\"tensor\": NAME, \"view\": [...]}");
  TensorRef made{reference["tensor"].cast<std::string>(), {}};
  const auto view = reference.attr("get")("view", py::none());
  if (view.is_none()) return made;
  for (const auto& step : view) made.view.push_back(step_of(step));
  return made;
}

}  // namespace garage::python
