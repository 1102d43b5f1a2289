#include "sentence_modules.hpp"

#include <optional>
#include <utility>

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/json.hpp>

#include "../bytes/read_file.hpp"
#include "../json/python_json.hpp"
#include "checkpoint_files.hpp"
#include "format.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::uint64_t kMaxSize = 1'000'000;  // bytes; real ones have some hundred
constexpr const char* kConfigKey = "sentence_transformers_modules";

[[noreturn]] void refuse(const fs::path& file, const std::string& fault) {
  throw Error(Errc::kCorrupt, fmt::format("{}: {}", file.string(), fault));
}

std::string text_of(const json::object& object, const char* key) {
  const auto* value = object.if_contains(key);
  return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

// Nothing where the file is not there.
std::optional<json::value> json_of(const fs::path& file, Contents& contents) {
  const auto text = text_if_there(file, kMaxSize);
  contents.files.push_back(file);
  if (!text) return std::nullopt;
  contents.fingerprint.add(*text);
  return parse_python_json(*text, file.string());
}

bool is_plain_name(const std::string& path) {
  return !path.empty() && path != "." && path != ".." && path.find('/') == path.npos && path.find('\0') == path.npos;
}

// Weights of a module's own lie in its folder as a model's do.
void add_weights(const fs::path& folder, const std::string& path, const OpenOptions& options, Contents& contents) {
  for (const auto& name : weight_names()) contents.files.push_back(folder / name);
  if (!looks_like_checkpoint(folder)) return;
  CheckpointFiles files;
  try {
    files = checkpoint_files(folder, {}, {});
  } catch (const Error& error) {
    if (error.code() == Errc::kNotFound) return;  // a config alone: nothing is learned
    throw;
  }
  const auto before = contents.tensors.size();
  const auto metadata = contents.metadata;
  files.format->read(folder / files.weights, options, contents);
  contents.metadata = metadata;
  for (auto i = before; i < contents.tensors.size(); ++i) contents.tensors[i].info.name.insert(0, path + ".");
}

}  // namespace

void add_sentence_modules(const fs::path& folder, const OpenOptions& options, Contents& contents) {
  const auto file = folder / kModulesName;
  const auto list = json_of(file, contents);
  if (!list) return;
  if (!list->is_array() || list->get_array().empty()) refuse(file, "is no list of modules");
  json::array modules;
  for (const auto& entry : list->get_array()) {
    if (!entry.is_object()) refuse(file, "has a module that is no object");
    const auto path = text_of(entry.get_object(), "path"), type = text_of(entry.get_object(), "type");
    json::object module{{"type", type}, {"path", path}};
    if (modules.empty()) {
      if (!path.empty())
        throw Error(Errc::kUnsupported,
                    fmt::format("{}: the model lies in '{}', not beside it: open that folder, without "
                                "what sentence-transformers runs behind it",
                                file.string(), path));
    } else {
      if (!is_plain_name(path)) refuse(file, fmt::format("names '{}', which is no plain folder name", path));
      const auto own = folder / path;
      if (auto config = json_of(own / kConfigName, contents); config && config->is_object())
        module["config"] = std::move(config->get_object());
      add_weights(own, path, options, contents);
    }
    modules.emplace_back(std::move(module));
  }
  contents.config[kConfigKey] = std::move(modules);
}

std::vector<fs::path> sentence_files(const fs::path& folder) {
  std::vector<fs::path> files{folder / kModulesName};
  try {
    const auto text = text_if_there(files.front(), kMaxSize);
    if (!text) return {};
    const auto list = parse_python_json(*text, kModulesName);
    if (!list.is_array()) return files;
    for (const auto& entry : list.get_array()) {
      const auto path = entry.is_object() ? text_of(entry.get_object(), "path") : std::string();
      if (!is_plain_name(path)) continue;
      files.push_back(folder / path / kConfigName);
      for (const auto& name : weight_names()) files.push_back(folder / path / name);
    }
  } catch (const Error&) {}  // who opens it says what is wrong
  return files;
}

}  // namespace garage
