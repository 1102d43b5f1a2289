// garage.Spec and its parts
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <garage/spec_document.hpp>

#include "bindings.hpp"
#include "json.hpp"
#include "opened_model.hpp"
#include "table.hpp"

namespace garage::python {
namespace {

constexpr const char* kSpecDoc = R"(A registered model: its dimensions and its parts.

It stays as it is, whatever happens to the registry. to_dict() is the JSON document, as `garage show ID --json` prints
it.)";

struct Parts {
  OpenedModelPtr model;

  std::size_t size() const { return model->spec().parts.size(); }
  bool has(const std::string& name) const { return model->spec().parts.find(name) != nullptr; }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    names.reserve(size());
    for (const auto& [name, part] : model->spec().parts) names.push_back(name);
    return names;
  }
  py::object at(const std::string& name) const {
    return py::cast(OpenedPart{model, name, model->spec().parts.find(name)});
  }
};

template <auto member>
auto of_model() {
  return [](const OpenedModel& self) { return self.spec().*member; };
}

}  // namespace

void bind_spec(py::module_& module) {
  bind_table<Parts>(module, "Parts", "part", "A model's parts by name, in their order. A mapping.");
  py::class_<OpenedModel, OpenedModelPtr>(module, "Spec", kSpecDoc)
      .def_property_readonly("model_id", [](const OpenedModel& self) { return text_of(self.spec().model_id); })
      .def_property_readonly("family", of_model<&ModelSpec::family>())
      .def_property_readonly("hidden_dim", of_model<&ModelSpec::hidden_dim>())
      .def_property_readonly("num_layers", of_model<&ModelSpec::num_layers>())
      .def_property_readonly("num_heads", of_model<&ModelSpec::num_heads>())
      .def_property_readonly("vocab_size", of_model<&ModelSpec::vocab_size>())
      .def_property_readonly("max_seq_len", of_model<&ModelSpec::max_seq_len>(), "Positions.")
      .def_property_readonly("model_type", of_model<&ModelSpec::model_type>(), "As the config spells it.")
      .def_property_readonly("architecture", of_model<&ModelSpec::architecture>(), "As the config spells it.")
      .def_property_readonly("parameters", of_model<&ModelSpec::parameters>(), "Learned numbers, each tensor once.")
      .def_property_readonly("dtypes", of_model<&ModelSpec::dtypes>(), "Tensors by dtype or encoding.")
      .def_property_readonly("extra_info", [](const OpenedModel& self) { return document_of(self.spec().extra_info); })
      .def_property_readonly(
          "source", [](const OpenedModel& self) { return document_of(self.spec().source); },
          "Where it came from: kind, path, fingerprint, adapters.")
      .def_property_readonly(
          "path", [](const OpenedModel& self) { return self.spec().source.path; }, "Of the checkpoint.")
      .def_property_readonly(
          "decomposer", [](const OpenedModel& self) { return document_of(self.spec().decomposer); },
          "The plugin that took it apart, and its version.")
      .def_property_readonly("notes", of_model<&ModelSpec::notes>(), "Oddities that are no errors, for people.")
      .def_property_readonly(
          "ignored", [](const OpenedModel& self) { return document_of(self.spec().ignored); },
          "Tensors that belong to no part, and why.")
      .def_property_readonly("root", of_model<&ModelSpec::root>(),
                             "The part that is the whole model; empty in specs of the Python registry.")
      .def_property_readonly(
          "parts", [](const OpenedModelPtr& self) { return Parts{self}; }, "Its parts by name.")
      .def(
          "to_dict",
          [](const OpenedModel& self) {
            const auto text = [&] {
              py::gil_scoped_release release;
              return write_spec(self.spec());
            }();
            return python_of(text);
          },
          "The JSON document, as `garage show ID --json` prints it.")
      .def("__repr__", [](const OpenedModel& self) {
        const auto& spec = self.spec();
        return text_of("<garage.Spec '" + spec.model_id + "': " + spec.family + ", " + std::to_string(spec.num_layers) +
                       " layers, " + std::to_string(spec.parameters) + " parameters, " +
                       std::to_string(spec.parts.size()) + " parts>");
      });
}

}  // namespace garage::python
