#include "merge_source.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/locate_source.hpp>

#include "../../checkpoint/as_stored.hpp"
#include "../../checkpoint/hub_cache.hpp"
#include "../../registry/take_apart.hpp"
#include "raw_spec.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;

std::optional<std::string> environment(const char* name) {
  const auto* value = std::getenv(name);
  return value ? std::optional<std::string>(value) : std::nullopt;
}

std::optional<fs::path> in_hub_cache(const ModelPlace& place) {
  const auto cache = hub_cache_folder(environment);
  const auto model = hub_model(cache, place.place);
  if (!model) return std::nullopt;
  return hub_snapshot(*model, hub_root(cache), place.revision.value_or("main"));
}

}  // namespace

fs::path folder_of(const MergeSource& source) {
  const auto& path = source.located.model.source.path;
  std::error_code code;
  return fs::is_directory(path, code) ? path : path.parent_path();
}

std::size_t MergeSources::open(const ModelReference& reference) {
  if (const auto known = opened_.find(reference); known != opened_.end()) return known->second;
  if (reference.override_architecture)
    throw Error(Errc::kUnsupported,
                fmt::format("{}: override_architecture: families are recognised by plugins, which no "
                            "other class can stand for; leave it out",
                            to_string(reference)));
  auto source = std::make_unique<MergeSource>(MergeSource{to_string(reference), locate(reference), {}, false});
  const auto& model = source->located.model;
  try {
    source->spec = take_apart(registry_.plugins(), model, source->name);
  } catch (const Error& error) {
    if (error.code() != Errc::kUnsupported && error.code() != Errc::kNotFound) throw;
    source->spec = raw_spec(model);
    source->is_raw = true;
  }
  sources_.push_back(std::move(source));
  return opened_[reference] = sources_.size() - 1;
}

const MergeSource& MergeSources::with_stored(std::size_t index) {
  auto& source = *sources_[index];
  const auto& from = source.located.model.source;
  if (!source.stored) source.stored = locate_as_stored(from.path, {from.variant, {}, registry_.plugins().folders()});
  return source;
}

std::vector<fs::path> MergeSources::paths_of(const std::string& place) const {
  std::vector<fs::path> found;
  for (const auto& path : {folder_ / place, fs::path(place)}) {
    std::error_code code;
    if (!fs::exists(path, code)) continue;
    const auto real = fs::canonical(path, code);
    if (!code && std::find(found.begin(), found.end(), real) == found.end()) found.push_back(real);
  }
  return found;
}

LocatedModel MergeSources::locate(const ModelReference& reference) const {
  const auto& [place, revision] = reference.model;
  OpenOptions options{std::nullopt, {}, registry_.plugins().folders()};
  if (reference.lora) {
    const auto adapters = paths_of(reference.lora->place);
    if (adapters.size() != 1)
      throw Error(adapters.empty() ? Errc::kNotFound : Errc::kAmbiguous,
                  fmt::format("adapter '{}': {}", reference.lora->place,
                              adapters.empty() ? "is no folder"
                                               : "is there twice, from the recipe's folder and from "
                                                 "this one: name it by its whole path"));
    options.adapters.push_back({adapters.front(), 1});
  }
  const auto paths = revision ? std::vector<fs::path>() : paths_of(place);
  const auto spec = revision ? nullptr : registry_.get_spec(place);
  std::error_code code;
  const bool is_the_same = spec && paths.size() == 1 && fs::equivalent(spec->source.path, paths.front(), code);
  if (paths.size() > 1 || (spec && !paths.empty() && !is_the_same))
    throw Error(
        Errc::kAmbiguous,
        fmt::format("model '{}': is {} and {}: name it by its whole path, or give it another id", place,
                    paths.front().string(), spec ? "a registered model from elsewhere" : paths.back().string()));
  if (spec && !reference.lora) return locate_source(*spec, registry_.plugins().folders());
  if (spec) return locate_checkpoint(spec->source.path, {spec->source.variant, options.adapters, options.tables});
  if (!paths.empty()) return locate_checkpoint(paths.front(), options);
  if (const auto snapshot = in_hub_cache(reference.model)) return locate_checkpoint(*snapshot, options);
  throw Error(Errc::kNotFound,
              fmt::format("model '{}': is no folder from {} or from here, no registered model, and not "
                          "in the hub's cache",
                          place, folder_.empty() ? "." : folder_.string()));
}

}  // namespace garage
