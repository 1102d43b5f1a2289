// garage.FoundParts
#include <garage/find.hpp>

#include "bindings.hpp"
#include "described.hpp"

namespace garage::python {

void bind_find(py::module_& module) {
  bind_described<FoundParts>(module, "FoundParts", "Parts of one model that are alike, and answer a question.");
}

}  // namespace garage::python
