// garage.Part and its tensors
#include <pybind11/stl.h>

#include <garage/accounting.hpp>
#include <garage/children.hpp>
#include <garage/error.hpp>
#include <garage/spec_document.hpp>
#include <garage/tensor_roles.hpp>

#include "bindings.hpp"
#include "json.hpp"
#include "opened_model.hpp"
#include "stored_numbers.hpp"
#include "table.hpp"
#include "tensor_reference.hpp"

namespace garage::python {
namespace {

constexpr const char* kPartDoc = R"(A named piece of a model: what it is, what it computes, and its numbers.

It needs neither its registry nor its spec any more. Nothing is read until tensors are asked for.)";

constexpr const char* kTensorsDoc =
    R"(A part's tensors by role, "q.weight". A mapping; each is read when it is asked for.)";

// The part's tensors by role; those of its children are theirs.
class Tensors {
 public:
  explicit Tensors(const OpenedPart& part) : part_(part) {
    if (part.spec->blueprint) roles_ = tensor_roles(*part.spec);
  }

  std::size_t size() const { return roles_.size(); }
  bool has(const std::string& role) const { return find(role) != nullptr; }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& role : roles_) names.push_back(role.role);
    return names;
  }

  py::object at(const std::string& name) const {
    auto tensor = [&] {
      py::gil_scoped_release release;
      const auto& role = *find(name);
      const auto files = part_.model->weights();
      require_shape(files->info(role.ref->tensor), part_.name, role);
      return tensor_of(*files, *role.ref);
    }();
    return py::cast(std::move(tensor));
  }

 private:
  const TensorRole* find(const std::string& name) const {
    for (const auto& role : roles_)
      if (role.role == name) return &role;
    return nullptr;
  }

  OpenedPart part_;
  std::vector<TensorRole> roles_;
};

py::object document(const PartSpec& part) {
  JsonWriter out(1);
  write_part(out, part);
  return python_of(out.take());
}

Tensor referred(const OpenedPart& self, const py::object& reference) {
  const auto wanted = reference_of(reference);
  py::gil_scoped_release release;
  return tensor_of(*self.model->weights(), wanted);
}

py::dict dimensions(const OpenedPart& self) {
  py::dict dims;
  dims["input_dim"] = self.spec->input_dim;
  dims["output_dim"] = self.spec->output_dim;
  dims["num_heads"] = self.spec->num_heads;
  dims["head_dim"] = self.spec->head_dim;
  dims["intermediate_dim"] = self.spec->intermediate_dim;
  return dims;
}

template <auto member>
auto of_part() {
  return [](const OpenedPart& self) { return self.spec->*member; };
}

}  // namespace

void bind_part(py::module_& module) {
  bind_table<Tensors>(module, "Tensors", "tensor", kTensorsDoc);
  py::class_<OpenedPart>(module, "Part", kPartDoc)
      .def_property_readonly(
          "name", [](const OpenedPart& self) { return text_of(self.name); }, "\"attention_5\"")
      .def_property_readonly("model_id", [](const OpenedPart& self) { return text_of(self.model->spec().model_id); })
      .def_property_readonly(
          "spec", [](const OpenedPart& self) { return self.model; }, "The model that it is of.")
      .def_property_readonly("type", of_part<&PartSpec::part_type>(), "\"attention\", \"ffn\", \"layer_norm\", ...")
      .def_property_readonly("layer", of_part<&PartSpec::layer_idx>(), "None outside the layers.")
      .def_property_readonly("module_path", of_part<&PartSpec::module_path>(),
                             "In transformers' own model: \"model.layers.5.self_attn\".")
      .def_property_readonly("dims", &dimensions, "Its dimensions by name; None where it has no such one.")
      .def_property_readonly("input_dim", of_part<&PartSpec::input_dim>(), "Numbers per position that go in.")
      .def_property_readonly("output_dim", of_part<&PartSpec::output_dim>(), "Numbers per position that come out.")
      .def_property_readonly("num_heads", of_part<&PartSpec::num_heads>())
      .def_property_readonly("head_dim", of_part<&PartSpec::head_dim>())
      .def_property_readonly("intermediate_dim", of_part<&PartSpec::intermediate_dim>())
      .def_property_readonly("extra_info", [](const OpenedPart& self) { return document_of(self.spec->extra_info); })
      .def_property_readonly("parameters", of_part<&PartSpec::parameters>(),
                             "Learned numbers, its children's included.")
      .def_property_readonly(
          "children", [](const OpenedPart& self) { return children_of(*self.spec); },
          "Names of the parts that it is made of.")
      .def_property_readonly(
          "blueprint", [](const OpenedPart& self) { return document(*self.spec).attr("get")("blueprint"); },
          "What it computes, as plain values; None in specs of the Python registry.")
      .def_property_readonly(
          "tensors", [](const OpenedPart& self) { return Tensors(self); },
          "Its tensors by role, \"q.weight\"; those of its children are theirs.")
      .def("tensor", &referred, py::arg("reference"),
           "The tensor that a blueprint's reference says: {\"tensor\": NAME, \"view\": [...]}. A text is the whole "
           "tensor "
           "of that name, as the file spells it.")
      .def(
          "to_dict", [](const OpenedPart& self) { return document(*self.spec); },
          "The part's JSON document, as `garage part ID PART --json` prints it.")
      .def("__repr__", [](const OpenedPart& self) {
        return text_of("<garage.Part '" + self.name + "' of '" + self.model->spec().model_id +
                       "': " + self.spec->part_type + ", " + std::to_string(self.spec->input_dim) + " -> " +
                       std::to_string(self.spec->output_dim) + ", " + std::to_string(self.spec->parameters) +
                       " parameters>");
      });
}

}  // namespace garage::python
