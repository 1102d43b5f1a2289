// garage.Comparison, and comparing specs
#include <garage/compare.hpp>

#include "bindings.hpp"
#include "described.hpp"
#include "opened_model.hpp"

namespace garage::python {

void bind_compare(py::module_& module) {
  py::enum_<SwapLevel>(module, "SwapLevel", py::arithmetic(),
                       "How far one part may stand for another; each level holds "
                       "what those before it ask.")
      .value("none", SwapLevel::none, "its input or its output has another dimension")
      .value("drop_in", SwapLevel::drop_in, "same dimensions: it can stand where the other stood")
      .value("weights", SwapLevel::weights, "every tensor has the same shape: weights can be copied, averaged, merged")
      .value("identical", SwapLevel::identical, "the same blueprint but for tensor names");
  bind_described<SwapReason>(module, "SwapReason", "Why a level is not higher: a field, and its value in a and in b.");
  bind_described<Swap>(module, "Swap",
                       "Parts of a and parts of b of one type, how far they could be swapped, and why not further.");
  bind_described<CompatibleParts>(module, "CompatibleParts",
                                  "The Python registry's answer: parts of the first that some part of the second may "
                                  "replace.");
  bind_described<Comparison>(module, "Comparison", "Two models side by side, and every kind of part of both.")
      .def_property_readonly(
          "levels",
          [](const Comparison& self) {
            py::dict levels;
            for (const auto& [type, level] : levels_by_type(self)) levels[text_of(type)] = level;
            return levels;
          },
          "The best level of each part type that both have.");
  module.def(
      "compare",
      [](const OpenedModelPtr& a, const OpenedModelPtr& b) {
        py::gil_scoped_release release;
        return compare(a->spec(), b->spec());
      },
      py::arg("a"), py::arg("b"),
      "Which parts of two specs could be swapped, how far, and why not further. No weight is read.");
}

}  // namespace garage::python
