#include <garage/registry.hpp>

#include <mutex>
#include <shared_mutex>
#include <unordered_map>

#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/file_stamp.hpp>

#include "../spec/account_consistent.hpp"

namespace garage {
struct ModelRegistry::State {
  State(Config given, IndexReports reports)
      : config(std::move(given)), catalog(config.catalog, std::move(reports)), host(config.plugins) {}

  Config config;
  Catalog catalog;
  PluginHost host;

  struct Cached {
    FileStamp stamp;  // of the catalog file that it was read from: other processes may replace it
    SpecPtr spec;
  };
  std::shared_mutex mutex;  // guards cache
  std::unordered_map<std::string, Cached> cache;
};

ModelRegistry::ModelRegistry(Config config, IndexReports reports)
    : state_(std::make_unique<State>(std::move(config), std::move(reports))) {}
ModelRegistry::~ModelRegistry() = default;

std::string ModelRegistry::detect_family(const Model& model, std::string_view id) const {
  try {
    return state_->host.choose(model, id).claim.family;
  } catch (const Error& error) {
    if (error.code() == Errc::kUnsupported || error.code() == Errc::kNotFound) return "unknown";
    throw;
  }
}

SpecPtr ModelRegistry::register_model(const std::string& id, const Model& model) {
  return update_model(id, model).spec;
}

ModelRegistry::Registration ModelRegistry::update_model(const std::string& id, const Model& model,
                                                        std::string_view plugin) {
  safe_id(id);  // a bad id is refused before any work
  const auto choice = state_->host.choose(model, id, plugin);
  auto spec = std::make_shared<ModelSpec>();
  try {
    *spec = choice.decomposer->decompose(model);
    account_consistent(*spec, model);  // a plugin's was read, whatever wrote it
  } catch (const Error& error) {
    throw Error(error.code(),
                fmt::format("{}: {}", model.source.path.empty() ? id : model.source.path.string(), error.what()));
  }
  if (spec->family != choice.claim.family)
    throw Error(Errc::kInternal, fmt::format("plugin '{}' claimed family '{}' and decomposed '{}'", choice.plugin.name,
                                             choice.claim.family, spec->family));
  spec->model_id = id;
  spec->source = model.source;
  spec->notes.insert(spec->notes.begin(), model.notes.begin(), model.notes.end());
  spec->decomposer = {choice.plugin.name, choice.plugin.version};
  return {spec, state_->catalog.save(*spec)};
}

SpecPtr ModelRegistry::get_spec(const std::string& id) const {
  // The stamp is taken before the file is read: a file replaced in between is read again next time.
  const auto stamp = stamp_of(state_->catalog.path_of(id));
  if (!stamp) return nullptr;
  {
    const std::shared_lock lock(state_->mutex);
    const auto found = state_->cache.find(id);
    if (found != state_->cache.end() && found->second.stamp == *stamp) return found->second.spec;
  }
  auto loaded = state_->catalog.load(id);
  if (!loaded) return nullptr;
  auto spec = std::make_shared<const ModelSpec>(std::move(*loaded));
  const std::unique_lock lock(state_->mutex);
  state_->cache[id] = {*stamp, spec};
  return spec;
}

SpecPtr ModelRegistry::require_spec(const std::string& id) const {
  if (auto spec = get_spec(id)) return spec;
  throw Error(Errc::kNotFound, fmt::format("model '{}' is not registered", id));
}

std::optional<PartSpec> ModelRegistry::get_part(const std::string& id, std::string_view part) const {
  const auto spec = get_spec(id);
  const auto* found = spec ? spec->parts.find(part) : nullptr;
  return found ? std::optional(*found) : std::nullopt;
}

std::vector<std::string> ModelRegistry::list_models() const {
  std::vector<std::string> ids;
  for (auto& summary : state_->catalog.list().models) ids.push_back(std::move(summary.model_id));
  return ids;
}

std::vector<std::string> ModelRegistry::list_parts(const std::string& id, std::optional<std::string_view> type) const {
  std::vector<std::string> names;
  const auto spec = get_spec(id);
  if (!spec) return names;
  for (const auto& [name, part] : spec->parts)
    if (!type || part.part_type == *type) names.push_back(name);
  return names;
}

Comparison ModelRegistry::compare(const std::string& a, const std::string& b) const {
  const auto first = require_spec(a),
             second = require_spec(b);  // in this order: it is told of the first that is missing
  return garage::compare(*first, *second);
}

bool ModelRegistry::remove(const std::string& id) {
  {
    const std::unique_lock lock(state_->mutex);
    state_->cache.erase(id);
  }
  return state_->catalog.remove(id);
}

const Config& ModelRegistry::config() const noexcept { return state_->config; }
const Catalog& ModelRegistry::catalog() const noexcept { return state_->catalog; }
const PluginHost& ModelRegistry::plugins() const noexcept { return state_->host; }

}  // namespace garage
