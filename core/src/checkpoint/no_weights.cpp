#include "no_weights.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "checkpoint_files.hpp"
#include "shard_index.hpp"
#include "stand_in.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostEntries = 10'000;  // are looked at: real folders have some dozen
constexpr int kMostDown = 2;                  // folders: a hub cache's model has its files in snapshots/<commit>
constexpr const char* kAdapter = "an adapter and no model: give its base model, and lay this over it with --adapter";

// What is written elsewhere under a name of its own.
constexpr std::pair<const char*, const char*> kOtherForms[] = {
    {kAdapterConfigName, kAdapter},
    {"adapter_model.safetensors", kAdapter},
    {"adapter_model.bin", kAdapter},
    {"consolidated.safetensors", "Mistral's own layout, which is not read: use the transformers layout"},
    {"consolidated.safetensors.index.json", "Mistral's own layout, which is not read: use the transformers layout"},
    {"params.json", "the publisher's own layout, which is not read: use the transformers layout"},
    {"tf_model.h5", "TensorFlow weights, which are not read"},
    {"flax_model.msgpack", "Flax weights, which are not read"}};

// And under any name.
constexpr std::pair<const char*, const char*> kOtherEndings[] = {
    {".bin", "a pickle, and no pytorch_model.bin: if it is the whole model, give it as the path"},
    {".pth", "a pickle, and no pytorch_model.bin: if it is the whole model, give it as the path"},
    {".ckpt", "a training run's own file, which is not read: save the model as safetensors"}};

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (names.size() == kMostEntries) break;
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

[[noreturn]] void refuse(const fs::path& place, Errc code, const std::string& fault) {
  throw Error(code, fmt::format("{}: {}", place.string(), fault));
}

void refuse_shards_without_index(const fs::path& folder, const std::vector<std::string>& names) {
  std::vector<std::string> shards;
  std::copy_if(names.begin(), names.end(), std::back_inserter(shards),
               [](const auto& name) { return shard_name(name).of > 0; });
  if (shards.empty()) return;
  const auto of = shard_name(shards.front()).of;
  const auto* index = is_pickled_name(shards.front()) ? kPickledIndexName : kIndexName;
  refuse(folder, Errc::kUnsupported,
         fmt::format("has shards ({}{}; {} of {}) and no {}, which says what each of them holds: {}", shards.front(),
                     shards.size() > 1 ? ", …" : "", shards.size(), of, index,
                     of == 1 ? "download it, or give the one shard as the path" : "download it too"));
}

void refuse_other_form(const fs::path& folder, const std::vector<std::string>& names) {
  for (const auto& [name, what] : kOtherForms)
    if (std::binary_search(names.begin(), names.end(), name))
      refuse(folder, Errc::kUnsupported, fmt::format("has {}, {}", name, what));
  for (const auto& [ending, what] : kOtherEndings)
    for (const auto& name : names)
      if (name.ends_with(ending)) refuse(folder, Errc::kUnsupported, fmt::format("has {}, {}", name, what));
}

// left: how many more entries are looked at, here and below.
void find_models_below(const fs::path& folder, int down, std::size_t& left, std::vector<std::string>& found) {
  for (const auto& name : names_in(folder)) {
    if (left == 0) return;
    --left;
    std::error_code ignored;
    if (!fs::is_directory(folder / name, ignored)) continue;
    if (looks_like_checkpoint(folder / name)) found.push_back((folder / name).string());
    else if (down > 1) find_models_below(folder / name, down - 1, left, found);
  }
}

}  // namespace

void refuse_without_weights(const fs::path& folder) {
  for (const auto& name : weight_names()) refuse_dangling_link(folder / name);
  const auto names = names_in(folder);
  refuse_shards_without_index(folder, names);
  refuse_other_form(folder, names);
  const auto nothing = fmt::format("has neither {} nor {}", kSingleName, kIndexName);
  for (const auto& name : names)
    if (name.ends_with(".safetensors"))
      refuse(folder, Errc::kNotFound, fmt::format("{}; if {} is the whole model, give it as the path", nothing, name));
  std::vector<std::string> below;
  auto left = kMostEntries;
  find_models_below(folder, kMostDown, left, below);
  if (below.size() == 1)
    refuse(folder, Errc::kNotFound, fmt::format("{}; the model is in {}: give that", nothing, below[0]));
  if (!below.empty())
    refuse(folder, Errc::kNotFound,
           fmt::format("{}; {} folders in it have a model, the first is {}: give one of them", nothing, below.size(),
                       below[0]));
  if (names.empty()) refuse(folder, Errc::kNotFound, nothing + ": it is empty");
  refuse(folder, Errc::kNotFound, nothing + ", nor weights in another form: if it was downloaded, download it again");
}

void require_whole_model(const fs::path& file) {
  const auto name = file.filename().string();
  const auto folder = file.parent_path();
  const auto give_folder = fmt::format("give its folder, {}", folder.string());
  if (name.ends_with(".index.json"))
    refuse(file, Errc::kUnsupported,
           fmt::format("is an index, which says where weights are and has none: {}", give_folder));
  if (name.ends_with(".json")) refuse(file, Errc::kUnsupported, fmt::format("is JSON and no weights: {}", give_folder));
  if (name.starts_with("adapter_model.")) refuse(file, Errc::kUnsupported, fmt::format("is {}", kAdapter));
  if (shard_name(name).of > 1)
    refuse(file, Errc::kUnsupported, fmt::format("is one shard of several: {}", give_folder));
  std::error_code ignored;
  for (const auto* index : {kIndexName, kPickledIndexName})
    if (name != kSingleName && name != kPickledName && fs::exists(folder / index, ignored) &&
        index_lists(folder / index, name))
      refuse(file, Errc::kUnsupported, fmt::format("is one of the shards that {} lists: {}", index, give_folder));
}

}  // namespace garage
