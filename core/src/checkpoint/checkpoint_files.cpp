// The order is that of transformers 5.12.1, modeling_utils.py, _get_resolved_checkpoint_files.
#include "checkpoint_files.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/json.hpp>

#include "../bytes/read_file.hpp"
#include "no_weights.hpp"
#include "stand_in.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;

constexpr const char* kNamingKey = "transformers_weights";
constexpr std::size_t kMostNamed = 5;  // files that a note names

// A folder of that name is passed over, as transformers does.
bool is_file(const fs::path& path) {
  std::error_code ignored;
  return is_there(path) && !fs::is_directory(path, ignored);
}

[[noreturn]] void refuse_name(const fs::path& folder, Errc code, const std::string& fault) {
  throw Error(code, fmt::format("{}: '{}' {}", (folder / kConfigName).string(), kNamingKey, fault));
}

std::optional<std::string> named_file(const fs::path& folder, const boost::json::object& config) {
  const auto* value = config.if_contains(kNamingKey);
  if (!value || value->is_null()) return std::nullopt;
  if (!value->is_string())
    refuse_name(folder, Errc::kCorrupt, fmt::format("is of kind {}, should be a file's name", kind_name(*value)));
  const std::string name(value->get_string());
  if (!name.ends_with(".safetensors") && !name.ends_with(".safetensors.index.json"))
    refuse_name(folder, Errc::kUnsupported,
                fmt::format("names '{}', which is neither *.safetensors nor *.safetensors.index.json: save the weights "
                            "as safetensors",
                            name));
  if (name.find_first_of("/\\") != name.npos || name.find('\0') != name.npos)
    refuse_name(folder, Errc::kUnsupported,
                fmt::format("names '{}', which is no plain file name: put the file beside {}", name, kConfigName));
  refuse_dangling_link(folder / name);
  if (!is_file(folder / name))
    refuse_name(
        folder, Errc::kNotFound,
        fmt::format("names '{}', which is not there: put it there, or remove the key to open {}", name, kSingleName));
  return name;
}

// "a, b and 7 more".
std::string some_of(const std::vector<std::string>& names) {
  const auto shown = std::min(names.size(), kMostNamed);
  auto text = fmt::format("{}", fmt::join(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(shown), ", "));
  return names.size() > shown ? fmt::format("{} and {} more", text, names.size() - shown) : text;
}

}  // namespace

CheckpointFiles checkpoint_files(const fs::path& folder, const boost::json::object& config) {
  if (auto name = named_file(folder, config)) return {*name, fmt::format("{} names {}", kConfigName, *name)};
  for (const auto* name : kWeightNames)
    if (is_file(folder / name)) return {name, fmt::format("{} comes first", name)};
  refuse_without_weights(folder);
}

std::vector<std::string> notes_on_other_files(const fs::path& folder, const CheckpointFiles& files,
                                              const std::vector<std::string>& own) {
  std::vector<std::string> notes, strays;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    auto name = entry.path().filename().string();
    if (name == files.weights || std::binary_search(own.begin(), own.end(), name)) continue;
    if (std::find(kWeightNames.begin(), kWeightNames.end(), name) != kWeightNames.end())
      notes.push_back(fmt::format("{}: passed over, since {}", name, files.reason));
    else if (name == kAdapterConfigName)
      notes.push_back(fmt::format("{}: an adapter lies beside the model, and is not applied", name));
    else if (name.ends_with(".safetensors")) strays.push_back(std::move(name));
  }
  std::sort(notes.begin(), notes.end());
  std::sort(strays.begin(), strays.end());
  if (!strays.empty()) notes.push_back(fmt::format("no part of the checkpoint, and left alone: {}", some_of(strays)));
  return notes;
}

bool is_pickled_name(std::string_view file) { return file.starts_with("pytorch_model") && file.ends_with(".bin"); }

bool may_be_of_checkpoint(std::string_view name) {
  return name.ends_with(".safetensors") || name.ends_with(".safetensors.index.json") || is_pickled_name(name) ||
         name == kPickledIndexName || name == kConfigName || name == kAdapterConfigName;
}

bool looks_like_checkpoint(const fs::path& folder) {
  std::error_code code;
  if (fs::exists(folder / kConfigName, code) || code) return true;
  for (const auto* name : kWeightNames)
    if (fs::exists(folder / name, code) || code) return true;
  return false;
}

ShardName shard_name(std::string_view file) {
  constexpr std::string_view kOf = "-of-";
  constexpr std::size_t kDigits = 5;
  ShardName shard;
  const auto extension = file.rfind('.');
  if (extension == file.npos || (file.substr(extension) != ".safetensors" && !is_pickled_name(file))) return shard;
  file = file.substr(0, extension);
  const auto of = file.rfind(kOf);
  if (of == file.npos || of < kDigits + 1 || file[of - kDigits - 1] != '-') return shard;
  const auto is_number = [](std::string_view digits, int& number) {
    const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return digits.size() == kDigits && code == std::errc() && end == digits.data() + digits.size() && number > 0;
  };
  int number = 0, total = 0;
  if (is_number(file.substr(of - kDigits, kDigits), number) && is_number(file.substr(of + kOf.size()), total))
    shard = {number, total};
  return shard;
}

}  // namespace garage
