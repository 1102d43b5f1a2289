#include "checkpoint_files.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>
#include <set>

#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/json.hpp>

#include "../bytes/read_file.hpp"
#include "format.hpp"
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

// Sorted; nothing where the folder cannot be listed.
std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<Format::Variant> variants_in(const fs::path& folder, const Format& format) {
  auto variants = format.variants_in(names_in(folder));
  std::erase_if(variants, [&](const auto& variant) { return !is_file(folder / variant.file); });
  return variants;
}

// "bf16, fp16".
std::string names_of(const std::vector<Format::Variant>& variants) {
  std::set<std::string> names;
  for (const auto& variant : variants) names.insert(variant.name);
  return some_of({names.begin(), names.end()});
}

CheckpointFiles asked_for(const fs::path& folder, const std::string& variant) {
  std::vector<Format::Variant> others;
  const auto is_it = [&](const Format::Variant& each) {
    return std::equal(each.name.begin(), each.name.end(), variant.begin(), variant.end(),
                      [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
  };
  for (const auto* format : formats()) {
    auto variants = variants_in(folder, *format);
    const auto found = std::find_if(variants.begin(), variants.end(), is_it);
    if (found != variants.end())
      return {format, found->file, fmt::format("variant {} is asked for", variant), found->name};
    others.insert(others.end(), variants.begin(), variants.end());
  }
  throw Error(Errc::kNotFound,
              fmt::format("{}: has no weights of variant '{}'{}", folder.string(), variant,
                          others.empty() ? ", nor of any other: leave it out" : "; it has " + names_of(others)));
}

// Of a folder without weights under the usual names.
std::optional<CheckpointFiles> only_variant(const fs::path& folder) {
  for (const auto* format : formats()) {
    const auto variants = variants_in(folder, *format);
    if (variants.empty()) continue;
    for (const auto& other : variants)
      if (other.name != variants.front().name)
        throw Error(Errc::kAmbiguous,
                    fmt::format("{}: has weights in several variants ({}): say which one, by --variant {}",
                                folder.string(), names_of(variants), variants.front().name));
    const auto& [name, file] = variants.front();
    return CheckpointFiles{format, file, fmt::format("{} holds the only weights", file), name};
  }
  return std::nullopt;
}

}  // namespace

const std::vector<std::string>& weight_names() {
  static const auto names = [] {
    std::vector<std::string> all;
    for (const auto* format : formats())
      for (auto& name : format->weight_names({})) all.push_back(std::move(name));
    return all;
  }();
  return names;
}

CheckpointFiles checkpoint_files(const fs::path& folder, const boost::json::object& config,
                                 const std::optional<std::string>& variant) {
  if (variant) return asked_for(folder, *variant);
  if (auto name = named_file(folder, config))
    return {formats().front(), *name, fmt::format("{} names {}", kConfigName, *name), {}};
  for (const auto* format : formats())
    for (const auto& name : format->weight_names({}))
      if (is_file(folder / name)) return {format, name, fmt::format("{} comes first", name), {}};
  if (auto only = only_variant(folder)) return *only;
  refuse_without_weights(folder);
}

std::vector<std::string> notes_on_other_files(const fs::path& folder, const CheckpointFiles& files,
                                              const std::vector<fs::path>& own) {
  std::vector<std::string> notes, strays;
  const auto is_usual = [](const std::string& name) {
    return std::find(weight_names().begin(), weight_names().end(), name) != weight_names().end();
  };
  std::set<std::string> of_it{files.weights};
  for (const auto& file : own) of_it.insert(file.filename().string());
  for (auto& name : names_in(folder)) {
    if (of_it.contains(name)) continue;
    if (is_usual(name)) notes.push_back(fmt::format("{}: passed over, since {}", name, files.reason));
    else if (name == kAdapterConfigName)
      notes.push_back(fmt::format("{}: an adapter lies beside the model, and is not applied", name));
    else if (may_be_model(name) && !is_pickled_name(name)) strays.push_back(std::move(name));
  }
  std::sort(notes.begin(), notes.end());
  const bool has_own_name = files.format->weight_names({}).empty();  // every GGUF file is a variant of its own
  if (!files.variant.empty() && !has_own_name)
    notes.push_back(fmt::format("its weights are those of variant {}", files.variant));
  if (!strays.empty()) notes.push_back(fmt::format("no part of the checkpoint, and left alone: {}", some_of(strays)));
  return notes;
}

bool is_pickled_name(std::string_view file) { return file.starts_with("pytorch_model") && file.ends_with(".bin"); }

bool is_index_name(std::string_view file) { return file.ends_with(".json"); }

bool may_be_of_checkpoint(std::string_view name) {
  if (name == kConfigName || name == kAdapterConfigName) return true;
  return std::any_of(formats().begin(), formats().end(), [&](const auto* format) { return format->may_be_mine(name); });
}

bool may_be_model(std::string_view name) {
  return std::any_of(formats().begin(), formats().end(),
                     [&](const auto* format) { return format->stands_alone(name); });
}

bool looks_like_checkpoint(const fs::path& folder) {
  std::error_code code;
  if (fs::exists(folder / kConfigName, code) || code) return true;
  for (const auto& name : weight_names())
    if (fs::exists(folder / name, code) || code) return true;
  const auto names = names_in(folder);
  return std::any_of(formats().begin(), formats().end(),
                     [&](const auto* format) { return !format->variants_in(names).empty(); });
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
