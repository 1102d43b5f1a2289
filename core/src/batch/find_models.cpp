#include <algorithm>
#include <map>
#include <optional>
#include <sstream>
#include <utility>

#include <glob.h>

#include <fmt/format.h>

#include <garage/batch.hpp>
#include <garage/catalog.hpp>
#include <garage/error.hpp>
#include <garage/file_stamp.hpp>

#include "../file/read_file.hpp"
#include "../process/in_parallel.hpp"
#include "hub_cache.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxListFile = 1'000'000'000;  // bytes
constexpr std::size_t kAtOnce = 64;                    // paths that a thread looks at, one after another

struct Look {
  bool is_folder = false, is_checkpoint = false;
};

// What may not be looked at fails later, and is told.
Look look_at(const fs::path& path) {
  std::error_code code;
  if (!fs::is_directory(path, code) && !code)
    return {false, path.extension() == ".safetensors" && fs::is_regular_file(path, code)};
  for (const auto* name : {"config.json", "model.safetensors", "model.safetensors.index.json"})
    if (fs::exists(path / name, code) || code) return {true, true};
  return {true, false};
}

std::vector<fs::path> matches(const std::string& pattern) {
  glob_t found{};
  const int code = ::glob(pattern.c_str(), GLOB_BRACE, nullptr, &found);
  std::vector<fs::path> paths(found.gl_pathv, found.gl_pathv + (code == 0 ? found.gl_pathc : 0));
  ::globfree(&found);
  return paths;
}

// "{parent}/{name}" of /models/org/llama: org/llama.
std::string id_of(const std::string& pattern, const fs::path& path, bool is_folder) {
  const auto name = is_folder ? path.filename() : path.stem();
  auto id = pattern;
  const std::pair<std::string, std::string> words[] = {{"{parent}", path.parent_path().filename().string()},
                                                       {"{name}", name.string()}};
  for (const auto& [word, text] : words)
    for (auto at = id.find(word); at != id.npos; at = id.find(word, at + text.size()))
      id.replace(at, word.size(), text);
  return id;
}

class Finder {
 public:
  void find(const ModelEntry& entry) {
    if (entry.path) add({entry.id, *entry.path, entry.plugin, {}}, fmt::format("the entry '{}'", entry.id));
    else if (entry.glob) find_glob(entry);
    else if (entry.hub_cache) find_in_cache(entry);
    else if (entry.list) find_in_list(entry);
  }

  BatchModels take() {
    BatchModels found;
    found.models.reserve(models_.size());
    for (auto& [id, from] : models_) found.models.push_back(std::move(from.model));
    note_same_folders(found.models);
    found.oddities = std::move(oddities_);
    return found;
  }

 private:
  struct From {
    BatchModel model;
    std::string entry;
  };

  void note_same_folders(const std::vector<BatchModel>& models) {
    std::vector<std::optional<FileStamp>> stamps(models.size());
    in_parallel(models.size(), kAtOnce, [&](std::size_t i) { stamps[i] = stamp_of(models[i].path); });
    std::map<std::pair<std::uint64_t, std::uint64_t>, const std::string*> ids;  // by device and inode
    for (std::size_t i = 0; i < models.size(); ++i) {
      if (!stamps[i] || !models[i].problem.empty()) continue;
      const auto [other, fresh] = ids.emplace(std::pair(stamps[i]->device, stamps[i]->inode), &models[i].id);
      std::error_code code;
      if (!fresh)
        oddities_.push_back(fmt::format("'{}' and '{}' are the same folder, {}", *other->second, models[i].id,
                                        fs::weakly_canonical(models[i].path, code).string()));
    }
  }

  void add(BatchModel model, const std::string& entry) {
    if (!model.path.has_filename()) model.path = model.path.parent_path();
    safe_id(model.id);
    const auto id = model.id;
    const auto path = model.path;
    const auto [known, fresh] = models_.emplace(id, From{std::move(model), entry});
    if (fresh || known->second.model.path == path) return;
    throw Error(Errc::kInvalidArgument,
                fmt::format("id '{}' is given twice: by {} for {}, and by {} for {}", id, known->second.entry,
                            known->second.model.path.string(), entry, path.string()));
  }

  void find_glob(const ModelEntry& entry) {
    const auto found = matches(*entry.glob);
    std::vector<Look> looks(found.size());
    in_parallel(found.size(), kAtOnce, [&](std::size_t i) { looks[i] = look_at(found[i]); });
    std::size_t used = 0;
    for (std::size_t i = 0; i < found.size(); ++i) {
      if (!looks[i].is_checkpoint) continue;
      ++used;
      add({id_of(entry.id.empty() ? "{parent}/{name}" : entry.id, found[i], looks[i].is_folder),
           found[i].lexically_normal(),
           entry.plugin,
           {}},
          fmt::format("the glob {}", *entry.glob));
    }
    if (used == 0)
      oddities_.push_back(fmt::format("the glob {} matches {}", *entry.glob,
                                      found.empty() ? "nothing" : "no checkpoint, though other files"));
  }

  void find_in_cache(const ModelEntry& entry) {
    const auto models = models_in_hub_cache(*entry.hub_cache, entry.revision);
    if (models.empty()) oddities_.push_back(fmt::format("the hub cache {} has no models", entry.hub_cache->string()));
    for (auto model : models) {
      model.plugin = entry.plugin;
      add(std::move(model), fmt::format("the hub cache {}", entry.hub_cache->string()));
    }
  }

  void find_in_list(const ModelEntry& entry) {
    std::istringstream lines(read_text_file(*entry.list, kMaxListFile));
    std::string line;
    for (int number = 1; std::getline(lines, line); ++number) {
      std::istringstream words(line);
      std::string id, path;
      if (!(words >> id) || id.starts_with('#')) continue;
      std::getline(words >> std::ws, path);
      path.resize(path.find_last_not_of(" \t\r") + 1);
      if (path.empty())
        throw Error(Errc::kInvalidArgument,
                    fmt::format("{}:{}: should be an id and a path, is '{}'", entry.list->string(), number, line));
      add({id, (entry.list->parent_path() / path).lexically_normal(), entry.plugin, {}},
          fmt::format("{}:{}", entry.list->string(), number));
    }
  }

  std::map<std::string, From> models_;
  std::vector<std::string> oddities_;
};

}  // namespace

BatchModels find_models(const std::vector<ModelEntry>& entries) {
  Finder finder;
  for (const auto& entry : entries) finder.find(entry);
  return finder.take();
}

BatchModel find_model(const std::vector<ModelEntry>& entries, const std::string& id, const Environment& environment) {
  for (const auto& entry : entries)  // those that say it at once come first
    if (entry.path && entry.id == id) return {id, *entry.path, entry.plugin, {}};
  for (auto& model : find_models(entries).models)
    if (model.id == id) return model;
  const auto cache = hub_cache_folder(environment);
  if (auto model = model_in_hub_cache(cache, id)) return *model;
  throw Error(Errc::kNotFound,
              fmt::format("'{}' is neither among the config's models nor in {}; say its PATH", id, cache.string()));
}

}  // namespace garage
