#include "registry.hpp"

#include <algorithm>
#include <set>

#include <garage/apart.hpp>
#include <garage/batch.hpp>
#include <garage/error.hpp>
#include <garage/nearest.hpp>

namespace garage::python {
namespace {

namespace py = pybind11;

AdapterUse use_of(const AdapterArgument& argument) {
  if (const auto* folder = std::get_if<fs::path>(&argument)) return {*folder};
  const auto& [folder, weight] = std::get<1>(argument);
  return {folder, weight};
}

// An empty answer is an answer, but a type that no part has is likely a slip.
void require_type(const ModelSpec& spec, const std::string& type) {
  std::set<std::string> types;
  for (const auto& [name, part] : spec.parts) types.insert(part.part_type);
  if (types.contains(type)) return;
  std::string all;
  for (const auto& known : types) all += (all.empty() ? "" : ", ") + known;
  throw Error(Errc::kNotFound, "'" + spec.model_id + "' has no part of type '" + type + "'" +
                                   did_you_mean(type, {types.begin(), types.end()}) + "; its types are " + all);
}

}  // namespace

// Answers while the GIL is released; then warns of what core had to say.
template <class Question>
auto Registry::asked(const Question& question) {
  auto answer = [&] {
    py::gil_scoped_release release;
    return question();
  }();
  warn(notes_->take());
  return answer;
}

Registry::Registry(std::optional<fs::path> catalog, std::vector<fs::path> plugins, std::optional<fs::path> config) {
  asked([&] {
    auto loaded = load_config({std::move(config), std::move(catalog), std::move(plugins)});
    for (auto& note : loaded.notes) notes_->add(note);
    IndexReports reports;
    reports.note = [notes = notes_](const std::string& note) { notes->add(note); };
    registry_ = std::make_unique<ModelRegistry>(std::move(loaded), std::move(reports));
    return true;
  });
}

OpenedModelPtr Registry::opened(SpecPtr spec) const {
  return std::make_shared<OpenedModel>(std::move(spec), registry_->plugins().folders());
}

OpenedModelPtr Registry::register_model(const std::string& id, const std::optional<fs::path>& path,
                                        const std::string& plugin, const std::optional<std::string>& variant,
                                        const std::vector<AdapterArgument>& adapters) {
  return asked([&] {
    auto found = path ? BatchModel{id, *path, {}, {}} : find_model(registry_->config().models, id);
    if (found.problem) throw *found.problem;
    if (variant) found.open.variant = variant;
    if (!adapters.empty()) found.open.adapters.clear();
    for (const auto& adapter : adapters) found.open.adapters.push_back(use_of(adapter));
    const auto done = register_apart(*registry_, id, found.path, plugin.empty() ? found.plugin : plugin, found.open);
    for (const auto& note : done.notes) notes_->add(note);
    return opened(done.spec);
  });
}

OpenedModelPtr Registry::spec(const std::string& id) const {
  py::gil_scoped_release release;
  if (auto spec = registry_->get_spec(id)) return opened(std::move(spec));
  const auto meant = did_you_mean(id, registry_->list_models());
  throw Error(Errc::kNotFound,
              "model '" + id + "' is not in the catalog " + registry_->catalog().folder().string() + meant);
}

std::vector<SpecSummary> Registry::summaries() {
  return asked([&] {
    auto listing = registry_->catalog().list();
    for (const auto& problem : listing.problems) notes_->add(problem.message);
    return std::move(listing.models);
  });
}

std::vector<std::string> Registry::models() {
  std::vector<std::string> ids;
  for (auto& model : summaries()) ids.push_back(std::move(model.model_id));
  return ids;
}

std::vector<OpenedPart> Registry::parts(const std::string& id, const std::optional<std::string>& type,
                                        const std::optional<std::int64_t>& layer) const {
  const auto model = spec(id);
  if (type) require_type(model->spec(), *type);
  const auto layers = model->spec().num_layers;
  if (layer && (*layer < 0 || *layer >= layers))
    throw Error(Errc::kNotFound, "'" + id + "' has no layer " + std::to_string(*layer) + "; its layers are 0 to " +
                                     std::to_string(layers - 1));
  std::vector<OpenedPart> chosen;
  for (const auto& [name, part] : model->spec().parts)
    if ((!type || part.part_type == *type) && (!layer || part.layer_idx == *layer))
      chosen.push_back({model, name, &part});
  return chosen;
}

OpenedPart Registry::part(const std::string& id, const std::string& name) const {
  const auto model = spec(id);
  if (const auto* part = model->spec().parts.find(name)) return {model, name, part};
  std::vector<std::string> names;
  for (const auto& [known, part] : model->spec().parts) names.push_back(known);
  throw Error(Errc::kNotFound, "'" + id + "' has no part '" + name + "'" + did_you_mean(name, names));
}

Claim Registry::detect(const fs::path& path, const std::optional<std::string>& variant) {
  return asked([&] {
    const auto detected = choose_apart(*registry_, path, {variant, {}, std::nullopt});
    for (const auto& note : detected.notes) notes_->add(note);
    if (detected.fault) throw *detected.fault;
    return detected.choice.value();
  });
}

std::vector<Claim> Registry::claims(const fs::path& path, const std::optional<std::string>& variant) {
  return asked([&] {
    auto detected = detect_apart(*registry_, path, {variant, {}, std::nullopt});
    for (const auto& note : detected.notes) notes_->add(note);
    if (detected.fault && detected.claims.empty()) throw *detected.fault;
    return std::move(detected.claims);
  });
}

bool Registry::remove(const std::string& id) {
  return asked([&] { return registry_->remove(id); });
}

Comparison Registry::compare(const std::string& a, const std::string& b) const {
  const auto first = spec(a), second = spec(b);
  py::gil_scoped_release release;
  return garage::compare(first->spec(), second->spec());
}

std::vector<FoundParts> Registry::find(const PartQuery& query) {
  return asked([&] {
    auto result = find_parts(*registry_, query);
    for (const auto& why : result.unreadable) notes_->add(why);
    return std::move(result.found);
  });
}

MergeSummary Registry::merge(const MergeRequest& request) {
  auto summary = python::merge(*registry_, request);
  auto notes = notes_->take();
  notes.insert(notes.end(), summary.notes.begin(), summary.notes.end());
  warn(notes);
  return summary;
}

}  // namespace garage::python
