#include "hub_models.hpp"

#include <utility>

#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/path_text.hpp>

#include "../checkpoint/hub_cache.hpp"
#include "found_models.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;

BatchModel model_at(const fs::path& folder, const fs::path& root, const std::string& revision) {
  BatchModel model{hub_id(folder), folder, {}, std::nullopt};
  try {
    model.path = hub_snapshot(folder, root, revision);
  } catch (const Error& error) { model.problem = error; }
  return model;
}

}  // namespace

Found models_in_hub_cache(const ModelEntry& entry, std::optional<std::string_view> only) {
  const auto& cache = *entry.hub_cache;
  const auto name = fmt::format("the hub cache {}", path_text(cache));
  Found found;
  const auto add = [&](BatchModel model) {
    model.plugin = entry.plugin;
    found.models.push_back({std::move(model), name});
  };
  if (only) {
    if (auto model = model_in_hub_cache(cache, *only, entry.revision)) add(std::move(*model));
    return found;
  }
  const auto root = hub_root(cache);
  std::error_code code;
  fs::directory_iterator each(cache, code);
  for (; !code && each != fs::directory_iterator(); each.increment(code))
    if (is_hub_model(each->path()))
      add(model_at(each->path(), root, entry.revision.value_or("main")));
  if (code)
    found.refused.push_back(
        {path_text(cache),
         cache,
         {},
         Error(Errc::kIo, fmt::format("{}: the hub cache cannot be read: {}", path_text(cache), code.message()))});
  else if (found.models.empty()) found.oddities.push_back(fmt::format("{} has no models", name));
  return found;
}

std::optional<BatchModel> model_in_hub_cache(const fs::path& cache, std::string_view id,
                                             const std::optional<std::string>& revision) {
  const auto model = hub_model(cache, id);
  if (!model) return std::nullopt;
  return model_at(*model, hub_root(cache), revision.value_or("main"));
}

}  // namespace garage
