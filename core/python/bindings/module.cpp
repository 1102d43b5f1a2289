// The compiled half of the package garage: everything of core that it shows. No LibTorch is in here, so that it lives
// in one process with any PyTorch.
#include "bindings.hpp"

PYBIND11_MODULE(_garage, module) {
  using namespace garage::python;
  module.doc() = "The compiled half of the package garage; use garage itself.";
  module.attr("__version__") = GARAGE_VERSION;
  bind_errors(module);
  bind_tensor(module);
  bind_part(module);
  bind_spec(module);
  bind_compare(module);
  bind_find(module);
  bind_merge(module);
  bind_detect(module);
  bind_registry(module);
  // People meet these as garage.Registry, wherever they are compiled.
  for (const auto& item : py::dict(module.attr("__dict__")))
    if (py::isinstance<py::type>(item.second) && !py::str(item.first).cast<std::string>().starts_with("_"))
      item.second.attr("__module__") = "garage";
}
