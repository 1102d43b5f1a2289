// garage.Claim, garage.ModelSummary
#include <garage/plugin_host.hpp>
#include <garage/spec_document.hpp>

#include "bindings.hpp"
#include "described.hpp"

namespace garage::python {

void bind_detect(py::module_& module) {
  bind_described<Claim>(module, "Claim",
                        "What one plugin answers to the question whose a model is: score 0 to 100, family, reason.");
  bind_described<SpecSummary>(module, "ModelSummary", "What a list of models shows of one.");
}

}  // namespace garage::python
