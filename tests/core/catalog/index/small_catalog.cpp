#include "small_catalog.hpp"

#include <chrono>
#include <set>

#include <fmt/format.h>
#include <sys/stat.h>

#include <garage/find.hpp>
#include <garage/spec_document.hpp>

#include "scan.hpp"
#include "test_registry.hpp"

namespace garage::test {

namespace fs = std::filesystem;
namespace {

// Long enough that the tables take several pages.
std::string id_of(int model) { return fmt::format("organisation-{:0>90}/model-{}", model % 7, model); }

const std::vector<PartQuery>& questions() {
  static const std::vector<PartQuery> all{{.type = "layer_norm"},
                                          {.hidden_dim = 16},
                                          {.family = "one", .norm = "rms"},
                                          {.swappable_with = PartQuery::Like{id_of(1), "norm", SwapLevel::weights}}};
  return all;
}

std::string line(const SpecSummary& model) {
  return fmt::format("{} {} {} {} {} {} {} {}\n", model.model_id, model.family, model.hidden_dim, model.num_layers,
                     model.num_heads, model.vocab_size, model.parameters, model.parts);
}

std::string line(const Found& found) {
  std::string text = "found";
  for (const auto& [at, level] : found)
    text += fmt::format(" {}:{}:{}", at.first, at.second, level ? static_cast<int>(*level) : -1);
  return text + "\n";
}

void age(const fs::path& path) {
  fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::hours(1));
}

}  // namespace

ModelSpec small_spec(const std::string& id, std::int64_t dim) {
  ModelSpec spec;
  spec.model_id = id;
  spec.family = id.size() % 2 ? "one" : "other";
  spec.hidden_dim = dim;
  spec.num_layers = static_cast<std::int64_t>(id.size());
  for (const auto wide : {dim, dim * 2, dim + static_cast<std::int64_t>(std::hash<std::string>()(id) % 50)}) {
    auto& part = spec.parts.add(spec.parts.size() == 0 ? "norm" : fmt::format("norm_{}", spec.parts.size()));
    part.part_type = part_type::kLayerNorm;
    part.input_dim = part.output_dim = wide;
    part.blueprint = Norm{.kind = NormKind::rms, .size = wide, .eps = 1e-6, .weight = TensorRef{"norm.weight", {}}};
  }
  return spec;
}

std::string listed(const ModelRegistry& registry) {
  std::string text;
  const auto listing = registry.catalog().list();
  for (const auto& model : listing.models) text += line(model);
  for (const auto& problem : listing.problems) text += problem.path.string() + " is no spec\n";
  return text;
}

std::string scanned_list(const fs::path& catalog) {
  std::string text;
  std::set<std::string> others;
  for (const auto& entry : fs::directory_iterator(catalog))
    if (entry.path().extension() == ".json") others.insert(entry.path().string());
  for (const auto& [id, spec] : all_specs(catalog)) {
    others.erase(Catalog(catalog).path_of(id).string());
    text += line({id, spec.family, spec.hidden_dim, spec.num_layers, spec.num_heads, spec.vocab_size, spec.parameters,
                  static_cast<std::int64_t>(spec.parts.size())});
  }
  for (const auto& path : others) text += path + " is no spec\n";
  return text;
}

std::string answered(const ModelRegistry& registry) {
  auto text = listed(registry);
  for (const auto& question : questions()) text += line(asked(registry, question));
  return text;
}

std::string scanned(const fs::path& catalog) {
  auto text = scanned_list(catalog);
  const auto specs = all_specs(catalog);
  for (const auto& question : questions()) text += line(scan(specs, question));
  return text;
}

SmallCatalog::SmallCatalog(int models) {
  fs::permissions(folder_.path(), fs::perms::all);  // for whoever has no rights to what is in it
  for (int i = 0; i < models; ++i) write(i, 16 + i % 5);
  write_text(place() / "broken.json", "{");
  age(place() / "broken.json");
}

fs::path SmallCatalog::index(const std::string& ending) const { return place() / (".index/specs.sqlite" + ending); }

fs::path SmallCatalog::file(int model) const { return Catalog(place()).path_of(id_of(model)); }

void SmallCatalog::write(int model, std::int64_t dim) const {
  write_text(file(model), write_spec(small_spec(id_of(model), dim)));
  age(file(model));
}

ModelRegistry SmallCatalog::registry() {
  notes.clear();
  return ModelRegistry(test_config(place()), {.note = [&](const std::string& what) { notes.push_back(what); }});
}

std::string SmallCatalog::list() { return listed(registry()); }
std::string SmallCatalog::answers() { return answered(registry()); }

SmallCatalog::IndexFiles SmallCatalog::keep() const {
  IndexFiles files;
  for (const auto& entry : fs::directory_iterator(place() / ".index"))
    files[entry.path().filename().string()] = read_text(entry.path());
  return files;
}

void SmallCatalog::put_back(const IndexFiles& files) const {
  for (const auto& entry : fs::directory_iterator(place() / ".index"))
    if (!files.contains(entry.path().filename().string())) fs::remove_all(entry.path());
  for (const auto& [name, bytes] : files) write_text(place() / ".index" / name, bytes);
}

}  // namespace garage::test
