#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include <garage/batch.hpp>
#include <garage/catalog.hpp>
#include <garage/error.hpp>
#include <garage/file_stamp.hpp>
#include <garage/path_text.hpp>

#include "../checkpoint/hub_cache.hpp"
#include "../process/in_parallel.hpp"
#include "../text/utf8.hpp"
#include "found_models.hpp"
#include "hub_models.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kAtOnce = 64;  // models whose folders a thread looks at, one after another

OpenOptions options_of(const ModelEntry& entry) { return {entry.variant, entry.adapters, std::nullopt}; }

Found models_of(const ModelEntry& entry, std::optional<std::string_view> only) {
  if (entry.glob) return models_in_glob(entry, only);
  if (entry.hub_cache) return models_in_hub_cache(entry, only);
  if (entry.list) return models_in_list(entry, only);
  Found one;
  if (!only || entry.id == *only)
    one.models.push_back(
        {{entry.id, *entry.path, entry.plugin, std::nullopt}, fmt::format("the entry '{}'", entry.id)});
  return one;
}

// What is read for it.
fs::path source_of(const ModelEntry& entry) {
  return entry.glob        ? fs::path(*entry.glob)
         : entry.hub_cache ? *entry.hub_cache
         : entry.list      ? *entry.list
                           : *entry.path;
}

// Why it cannot be an id, and what to do.
std::optional<Error> fault_of_id(const FoundModel& found) {
  try {
    safe_id(found.model.id);
    return std::nullopt;
  } catch (const Error& error) {
    return Error(error.code(), fmt::format("{}: {}; name it by {{id: ..., path: {}}}", found.entry, error.what(),
                                           path_text(found.model.path)));
  }
}

class Finder {
 public:
  explicit Finder(std::optional<std::string_view> only = {}) : only_(only) {}

  void find(const ModelEntry& entry) {
    try {
      auto found = models_of(entry, only_);
      for (auto& each : found.models) {
        each.model.open = options_of(entry);
        add(std::move(each));
      }
      std::move(found.refused.begin(), found.refused.end(), std::back_inserter(refused_));
      std::move(found.oddities.begin(), found.oddities.end(), std::back_inserter(oddities_));
    } catch (const Error& error) { refused_.push_back({path_text(source_of(entry)), source_of(entry), {}, error}); }
  }

  BatchModels take() {
    BatchModels found;
    found.models.reserve(models_.size() + refused_.size());
    for (auto& [id, from] : models_) found.models.push_back(std::move(from.model));
    note_same_folders(found.models);
    found.oddities = std::move(oddities_);
    std::move(refused_.begin(), refused_.end(), std::back_inserter(found.models));
    std::stable_sort(found.models.begin(), found.models.end(),
                     [](const auto& a, const auto& b) { return a.id < b.id; });
    return found;
  }

 private:
  void note_same_folders(const std::vector<BatchModel>& models) {
    std::vector<std::optional<FileStamp>> stamps(models.size());
    in_parallel(models.size(), kAtOnce, [&](std::size_t i) { stamps[i] = stamp_of(models[i].path); });
    std::map<std::pair<std::uint64_t, std::uint64_t>, const std::string*> ids;  // by device and inode
    for (std::size_t i = 0; i < models.size(); ++i) {
      if (!stamps[i] || models[i].problem) continue;
      const auto [other, fresh] = ids.emplace(std::pair(stamps[i]->device, stamps[i]->inode), &models[i].id);
      std::error_code code;
      if (!fresh)
        oddities_.push_back(fmt::format("'{}' and '{}' are the same folder, {}", *other->second, models[i].id,
                                        path_text(fs::weakly_canonical(models[i].path, code))));
    }
  }

  void add(FoundModel found) {
    auto& path = found.model.path;
    if (!path.has_filename()) path = path.parent_path();
    if (auto fault = fault_of_id(found)) {
      const auto label = found.model.id.empty() ? path_text(path) : utf8_label(found.model.id);
      auto& own = found.model.problem;  // which another name would not mend
      refused_.push_back({label, path, {}, own ? std::move(own) : std::move(fault)});
      return;
    }
    const auto [known, fresh] = models_.try_emplace(found.model.id, std::move(found));  // not moved if it is not fresh
    auto& first = known->second;
    if (!fresh && first.model.path != path)
      first.model.problem.emplace(Errc::kInvalidArgument,
                                  fmt::format("id '{}' is given twice: by {} for {}, and by {} for {}", found.model.id,
                                              first.entry, path_text(first.model.path), found.entry, path_text(path)));
  }

  std::optional<std::string_view> only_;
  std::map<std::string, FoundModel> models_;
  std::vector<BatchModel> refused_;
  std::vector<std::string> oddities_;
};

}  // namespace

BatchModels find_models(const std::vector<ModelEntry>& entries) {
  Finder finder;
  for (const auto& entry : entries) finder.find(entry);
  return finder.take();
}

BatchModel find_model(const std::vector<ModelEntry>& entries, const std::string& id, const Environment& environment) {
  safe_id(id);
  for (const auto& entry : entries)  // those that say it at once come first
    if (entry.path && entry.id == id) return {id, *entry.path, entry.plugin, std::nullopt, options_of(entry)};
  Finder finder(id);
  for (const auto& entry : entries) finder.find(entry);
  std::optional<Error> unread;
  for (auto& model : finder.take().models) {
    if (model.id == id) return model;
    if (!unread) unread = model.problem;
  }
  const auto cache = hub_cache_folder(environment);
  if (auto model = model_in_hub_cache(cache, id)) return *model;
  if (unread) throw *unread;
  throw Error(Errc::kNotFound,
              fmt::format("'{}' is neither among the config's models nor in {}; say its PATH", id, path_text(cache)));
}

}  // namespace garage
