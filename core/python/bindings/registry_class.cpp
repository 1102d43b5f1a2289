// garage.Registry
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <garage/error.hpp>

#include "bindings.hpp"
#include "registry.hpp"
#include "text.hpp"

namespace garage::python {
namespace {

constexpr const char* kRegistryDoc = R"(Models by id: register, look up, compare, find, merge.

    registry = garage.Registry()
    spec = registry.register("me/llama", "/models/llama")
    part = registry.part("me/llama", "attention_5")

catalog is the folder where specs are kept, plugins a folder (or several) to search first, config a YAML file. What is
left out is as for the command line: GARAGE_CATALOG, GARAGE_PLUGIN_PATH, GARAGE_CONFIG, ./garage.yaml,
$XDG_CONFIG_HOME/garage/garage.yaml, defaults.

It may be used from several threads; the GIL is released while it reads.)";

constexpr const char* kRegisterDoc = R"(Takes a checkpoint apart and keeps its spec; of weights no byte is read.

path is its folder or file; None: as the config's models or Hugging Face's cache have it. plugin takes the model,
whoever else claims it. variant is of the weights, where a folder has several ("fp16"). adapters are folders of LoRAs,
or (folder, weight), laid over the weights in this order. Plugins work in a process of their own.)";

constexpr const char* kFindDoc = R"(Parts across the catalog, by what they are; what is None is not asked.

swappable_with is a part that they could stand for: (id, part), "ID:PART" or a Part, at this level or a higher one
("drop_in", "weights", "identical"), itself not among them.)";

constexpr const char* kMergeDoc = R"(Makes a model of several, by a recipe: a YAML file, mergekit's or with parts.

output is a folder that is not there yet; None: all is checked and the summary says what would be made. resume goes on
with the same merge that was broken off. progress(done, of) hears of bytes written; what it raises ends the merge.)";

using Word = std::optional<std::string>;
using Count = std::optional<std::int64_t>;
using Folders = std::variant<std::monostate, fs::path, std::vector<fs::path>>;
using LikeArgument = std::variant<std::monostate, OpenedPart, std::string, std::pair<std::string, std::string>>;

std::vector<fs::path> list_of(const Folders& folders) {
  if (const auto* one = std::get_if<fs::path>(&folders)) return {*one};
  if (const auto* several = std::get_if<std::vector<fs::path>>(&folders)) return *several;
  return {};
}

SwapLevel level_of(const std::variant<SwapLevel, std::string>& argument) {
  auto level = SwapLevel::none;
  if (const auto* given = std::get_if<SwapLevel>(&argument)) level = *given;
  else boost::describe::enum_from_string(std::get<std::string>(argument).c_str(), level);
  if (level != SwapLevel::none) return level;
  const auto* word = std::get_if<std::string>(&argument);
  throw Error(Errc::kInvalidArgument,
              "level is drop_in, weights or identical, not '" + (word ? *word : std::string("none")) + "'");
}

std::optional<PartQuery::Like> like_of(const LikeArgument& argument, SwapLevel level) {
  if (const auto* part = std::get_if<OpenedPart>(&argument))
    return PartQuery::Like{part->model->spec().model_id, part->name, level};
  if (const auto* pair = std::get_if<std::pair<std::string, std::string>>(&argument))
    return PartQuery::Like{pair->first, pair->second, level};
  const auto* text = std::get_if<std::string>(&argument);
  if (!text) return std::nullopt;
  const auto colon = text->rfind(':');
  if (colon == text->npos || colon == 0 || colon + 1 == text->size())
    throw Error(Errc::kInvalidArgument,
                "swappable_with takes ID:PART, such as me/llama:attention_5, not '" + *text + "'");
  return PartQuery::Like{text->substr(0, colon), text->substr(colon + 1), level};
}

std::vector<fs::path> plugin_folders(const Registry& self) { return self.core().plugins().folders(); }

}  // namespace

void bind_registry(py::module_& module) {
  const auto none = py::none();
  py::class_<Registry>(module, "Registry", kRegistryDoc)
      .def(py::init([](std::optional<fs::path> catalog, const Folders& plugins, std::optional<fs::path> config) {
             return std::make_unique<Registry>(std::move(catalog), list_of(plugins), std::move(config));
           }),
           py::arg("catalog") = none, py::arg("plugins") = none, py::arg("config") = none)
      .def_property_readonly(
          "catalog", [](const Registry& self) { return self.core().catalog().folder(); },
          "The folder where specs are kept.")
      .def_property_readonly("plugin_folders", &plugin_folders, "The folders that are searched for plugins.")
      .def("register", &Registry::register_model, py::arg("id"), py::arg("path") = none, py::kw_only(),
           py::arg("plugin") = "", py::arg("variant") = none, py::arg("adapters") = std::vector<AdapterArgument>{},
           kRegisterDoc)
      .def("spec", &Registry::spec, py::arg("id"), "The model of that id. Raises NotFoundError.")
      .def("models", &Registry::models, "The ids of all models, sorted.")
      .def("summaries", &Registry::summaries, "All models with their dimensions, by id.")
      .def("parts", &Registry::parts, py::arg("id"), py::arg("type") = none, py::arg("layer") = none,
           "The parts of a model, of one type or of one layer. Raises NotFoundError for a type or a layer that it "
           "lacks.")
      .def("part", &Registry::part, py::arg("id"), py::arg("name"), "One part, \"attention_5\". Raises NotFoundError.")
      .def("detect", &Registry::detect, py::arg("path"), py::arg("variant") = none,
           "The claim that counts: which family a checkpoint is of, and why. Nothing is kept.")
      .def("claims", &Registry::claims, py::arg("path"), py::arg("variant") = none,
           "What every plugin says of a checkpoint, the highest score first.")
      .def("remove", &Registry::remove, py::arg("id"),
           "Forgets a model, whose checkpoint is left alone. Whether there was one.")
      .def("compare", &Registry::compare, py::arg("a"), py::arg("b"),
           "Which parts of two models could be swapped, how far, and why not further. No weight is read.")
      .def(
          "find",
          [](Registry& self, Word type, Word family, Word activation, Word norm, Count hidden_dim, Count heads,
             Count kv_heads, Count head_dim, Count intermediate_dim, std::optional<double> rope_theta,
             const LikeArgument& like, const std::variant<SwapLevel, std::string>& level) {
            return self.find({type, family, activation, norm, hidden_dim, heads, kv_heads, head_dim, intermediate_dim,
                              rope_theta, like_of(like, level_of(level))});
          },
          py::kw_only(), py::arg("type") = none, py::arg("family") = none, py::arg("activation") = none,
          py::arg("norm") = none, py::arg("hidden_dim") = none, py::arg("heads") = none, py::arg("kv_heads") = none,
          py::arg("head_dim") = none, py::arg("intermediate_dim") = none, py::arg("rope_theta") = none,
          py::arg("swappable_with") = none, py::arg("level") = "drop_in", kFindDoc)
      .def(
          "merge",
          [](Registry& self, fs::path recipe, std::optional<fs::path> output, std::uint64_t shard_size, bool resume,
             py::object progress) {
            return self.merge({std::move(recipe), std::move(output), shard_size, resume, std::move(progress)});
          },
          py::arg("recipe"), py::arg("output") = none, py::kw_only(), py::arg("shard_size") = 5'000'000'000,
          py::arg("resume") = false, py::arg("progress") = none, kMergeDoc)
      .def("__repr__", [](const Registry& self) {
        return text_of("<garage.Registry at '" + self.core().catalog().folder().string() + "'>");
      });
}

}  // namespace garage::python
