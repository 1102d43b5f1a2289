#include <garage/config.hpp>

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/path_text.hpp>

#include "../bytes/read_file.hpp"
#include "config_file.hpp"
#include "models_block.hpp"
#include "yaml_reader.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxConfigFile = 64'000'000;  // bytes: of the file, and of all that it includes
constexpr std::uint64_t kMaxSettings = 8'000'000;     // bytes, where models are left out; YAML takes a hundred for each
constexpr std::size_t kMaxIncludes = 1000, kMaxIncludeDepth = 32;

// Paths as a config file means them.
class PathReader {
 public:
  PathReader(fs::path folder, const Environment& environment) : folder_(std::move(folder)), environment_(environment) {}

  fs::path operator()(const YamlReader& value) const {
    return (is_file_uri(value.text()) ? from_uri(value) : fs::path(expand(value))).lexically_normal();
  }

  // A pattern stays one: file:///models/%2A would be a folder called *.
  std::string pattern(const YamlReader& value) const {
    if (is_file_uri(value.text()))
      value.refuse(
          "is a pattern and cannot be a file URI: in one a ? stands for any byte, or name the model by its path");
    return expand(value);
  }

 private:
  static fs::path from_uri(const YamlReader& value) {
    try {
      return path_from_text(value.text());
    } catch (const Error& error) { value.refuse(error.what()); }
  }

  std::string expand(const YamlReader& value) const {
    const auto text = value.text();
    if (text.empty()) value.refuse("should name a path");
    if (text.find('\0') != text.npos) value.refuse("has a NUL byte, which no path has");
    if (text == "~" || text.starts_with("~/")) {
      const auto home = environment_("HOME");
      if (!home) value.refuse("begins with ~, and HOME is not set");
      return *home + text.substr(1);
    }
    return (folder_ / text).string();
  }

  fs::path folder_;
  const Environment& environment_;
};

std::string read_device(const YamlReader& value) {
  const auto text = value.text();
  const bool cuda =
      text.starts_with("cuda:") && text.size() > 5 && text.find_first_not_of("0123456789", 5) == text.npos;
  if (text != "auto" && text != "cpu" && text != "cuda" && !cuda)
    value.refuse(fmt::format("is '{}', should be auto, cpu, cuda or cuda:<number>", text));
  return text;
}

std::string read_dtype(const YamlReader& value) { return value.one_of({"keep", "float32", "bfloat16", "float16"}); }

void read_plugins(const YamlReader& value, PluginSettings& plugins, const std::string& file, const PathReader& path) {
  value.keys({
      {"paths",
       [&](const YamlReader& v) {
         v.each([&](const YamlReader& item) { plugins.folders.push_back({path(item), file}); });
       }},
      {"pin",
       [&](const YamlReader& v) {
         v.each_pair([&](const std::string& family, const YamlReader& plugin) { plugins.pin[family] = plugin.text(); });
       }},
      {"allow",
       [&](const YamlReader& v) {
         v.each_pair([&](const std::string& name, const YamlReader& sha256) {
           auto& text = plugins.allow[name] = sha256.text();
           if (text.size() != 64 || text.find_first_not_of("0123456789abcdef") != text.npos)
             sha256.refuse(fmt::format("is '{}', should be a sha256: 64 digits of 0-9 and a-f", text));
         });
       }},
      {"probe", [&](const YamlReader& v) { plugins.probe = v.flag(); }},
      {"time_limit", [&](const YamlReader& v) { plugins.time_limit = v.whole_number(0, 86'400); }},
      {"memory_limit", [&](const YamlReader& v) { plugins.memory_limit = v.whole_number(0, 1'000'000'000); }},
      {"disable",
       [&](const YamlReader& v) { v.each([&](const YamlReader& item) { plugins.disable.insert(item.text()); }); }},
  });
}

DeviceRule read_rule(const YamlReader& item, bool names_model) {
  DeviceRule rule;
  YamlReader::Handlers handlers{{"parts", [&](const YamlReader& v) { rule.parts = v.text(); }},
                                {"device", [&](const YamlReader& v) { rule.device = read_device(v); }},
                                {"dtype", [&](const YamlReader& v) { rule.dtype = read_dtype(v); }},
                                {"stay", [&](const YamlReader& v) { rule.stay = v.flag(); }}};
  if (names_model) handlers["model"] = [&](const YamlReader& v) { rule.model = v.text(); };
  item.keys(handlers);
  if (!rule.device && !rule.dtype && !rule.stay) item.refuse("should name a device or a dtype, or say whether they stay");
  return rule;
}

void read_devices(const YamlReader& value, DeviceSettings& devices) {
  value.keys({{"default", [&](const YamlReader& v) { devices.device = read_device(v); }},
              {"dtype", [&](const YamlReader& v) { devices.dtype = read_dtype(v); }},
              {"keep_packed", [&](const YamlReader& v) { devices.keep_packed = v.flag(); }},
              {"rules", [&](const YamlReader& v) {
                 v.each([&](const YamlReader& item) { devices.rules.push_back(read_rule(item, true)); });
               }}});
}

// A folder, or {path: FOLDER, weight: 0.5}.
AdapterUse read_adapter(const YamlReader& value, const PathReader& path) {
  if (!value.is_mapping()) return {path(value), 1};
  AdapterUse adapter;
  value.keys({{"path", [&](const YamlReader& v) { adapter.path = path(v); }},
              {"weight", [&](const YamlReader& v) { adapter.weight = v.number(); }}});
  if (adapter.path.empty()) value.refuse("has no path");
  return adapter;
}

// What one entry says of devices goes before all rules, for its id alone.
ModelEntry read_model(const YamlReader& value, const PathReader& path, std::vector<DeviceRule>& rules) {
  ModelEntry entry;
  std::vector<DeviceRule> own;
  value.keys({{"id", [&](const YamlReader& v) { entry.id = v.text(); }},
              {"path", [&](const YamlReader& v) { entry.path = path(v); }},
              {"glob", [&](const YamlReader& v) { entry.glob = path.pattern(v); }},
              {"hub_cache", [&](const YamlReader& v) { entry.hub_cache = path(v); }},
              {"list", [&](const YamlReader& v) { entry.list = path(v); }},
              {"revision", [&](const YamlReader& v) { entry.revision = v.text(); }},
              {"pin", [&](const YamlReader& v) { entry.plugin = v.text(); }},
              {"variant", [&](const YamlReader& v) { entry.variant = v.text(); }},
              {"adapters",
               [&](const YamlReader& v) {
                 v.each([&](const YamlReader& item) { entry.adapters.push_back(read_adapter(item, path)); });
               }},
              {"devices", [&](const YamlReader& v) {
                 v.each([&](const YamlReader& item) { own.push_back(read_rule(item, false)); });
               }}});
  const int sources =
      entry.path.has_value() + entry.glob.has_value() + entry.hub_cache.has_value() + entry.list.has_value();
  if (sources != 1) value.refuse(fmt::format("has {} of path, glob, hub_cache and list, should have one", sources));
  if (entry.path && entry.id.empty()) value.refuse("has a path and no id");
  if (!entry.id.empty() && !entry.path && !entry.glob) value.refuse("has an id, which only a path or a glob takes");
  if (entry.revision && !entry.hub_cache) value.refuse("has a revision, which only a hub_cache takes");
  if (!entry.adapters.empty() && !entry.path) value.refuse("has adapters, which only a path takes");
  if (!own.empty() && !entry.path)
    value.refuse("has devices, which only a path takes; devices.rules may name models by a pattern");
  for (auto& rule : own) {
    rule.model = entry.id;
    rules.push_back(std::move(rule));
  }
  return entry;
}

void read_batch(const YamlReader& value, BatchSettings& batch) {
  value.keys({{"jobs", [&](const YamlReader& v) { batch.jobs = v.whole_number(0, 4096); }},
              {"shards", [&](const YamlReader& v) { batch.shards = v.whole_number(0, 1'000'000); }},
              {"on_error", [&](const YamlReader& v) {
                 batch.on_error = v.one_of({"continue", "stop"}) == "stop" ? OnError::stop : OnError::keep_going;
               }}});
}

// Reads one file and those that it includes into a config: these come before itself, and its own settings win. A file
// that several include is read where it is first included.
class ConfigFiles {
 public:
  ConfigFiles(Config& config, const Environment& environment, bool with_models)
      : config_(config), environment_(environment), with_models_(with_models) {}

  void read(std::string_view yaml, const fs::path& file) {
    std::error_code code;
    chain_.push_back(fs::weakly_canonical(fs::absolute(file), code));
    seen_.insert(chain_.back());
    const PathReader path(fs::absolute(file).parent_path(), environment_);
    const auto document = read_document(yaml, file.string());
    const auto later = [](const YamlReader&) {};
    document.keys({{"catalog", later},
                   {"plugins", later},
                   {"devices", later},
                   {"models", later},
                   {"batch", later},
                   {"include", [&](const YamlReader& v) {
                      v.each([&](const YamlReader& item) { include(path(item), item); });
                    }}});
    read_settings(document, file, path);
    chain_.pop_back();
  }

  // Rules that entries of `models:` have of their own, which go before all others.
  std::vector<DeviceRule> of_entries;

 private:
  YamlReader read_document(std::string_view yaml, const std::string& file) const {
    if (with_models_) return read_yaml(yaml, file);
    const auto rest = without_models_block(yaml);
    const auto settings = rest ? std::string_view(*rest) : yaml;
    if (settings.size() > kMaxSettings)
      throw Error(Errc::kInvalidArgument,
                  fmt::format("{}: has {} bytes, and at most {} are read beside a block of `models:`: name many models "
                              "in a list of their own, {{list: FILE}}",
                              file, settings.size(), kMaxSettings));
    return read_yaml(settings, file);
  }

  void include(const fs::path& file, const YamlReader& item) {
    std::error_code code;
    const auto name = fs::weakly_canonical(file, code);
    if (std::find(chain_.begin(), chain_.end(), name) != chain_.end())
      item.refuse(fmt::format("includes {}, which includes it: a loop", file.string()));
    if (++includes_ > kMaxIncludes)
      item.refuse(fmt::format("includes {}: files include others more than {} times", file.string(), kMaxIncludes));
    if (chain_.size() > kMaxIncludeDepth)
      item.refuse(fmt::format("includes {}: files include each other more than {} deep", file.string(),
                              kMaxIncludeDepth));
    if (!is_there(file)) item.refuse(fmt::format("includes {}, which is not there", file.string()));
    if (seen_.contains(name)) return;
    const auto text = read_text_file(file, kMaxConfigFile);
    if ((size_ += text.size()) > kMaxConfigFile)
      item.refuse(fmt::format("includes {}: all files that are included have more than {} bytes", file.string(),
                              kMaxConfigFile));
    read(text, file);
  }

  void read_settings(const YamlReader& document, const fs::path& file, const PathReader& path) {
    document.keys({{"include", [](const YamlReader&) {}},
                   {"catalog", [&](const YamlReader& v) { config_.catalog = path(v); }},
                   {"plugins", [&](const YamlReader& v) { read_plugins(v, config_.plugins, path_text(file), path); }},
                   {"devices", [&](const YamlReader& v) { read_devices(v, config_.devices); }},
                   {"models",
                    [&](const YamlReader& v) {
                      v.each([&](const YamlReader& item) {
                        config_.models.push_back(read_model(item, path, of_entries));
                      });
                    }},
                   {"batch", [&](const YamlReader& v) { read_batch(v, config_.batch); }}});
  }

  Config& config_;
  const Environment& environment_;
  bool with_models_;
  std::vector<fs::path> chain_;  // the files that are being read, each included by the one before
  std::set<fs::path> seen_;
  std::size_t includes_ = 0;
  std::uint64_t size_ = 0;  // bytes, of what was included
};

fs::path default_catalog(const Environment& environment) {
  return fs::path(environment("HOME").value_or(".")) / ".model_garage/registry";
}

}  // namespace

Config parse_config(std::string_view yaml, const fs::path& file, const Environment& environment, bool with_models) {
  Config config;
  config.catalog = default_catalog(environment);
  ConfigFiles files(config, environment, with_models);
  files.read(yaml, file);
  auto& rules = config.devices.rules;
  rules.insert(rules.begin(), files.of_entries.begin(), files.of_entries.end());
  return config;
}

Config read_config(const fs::path& file, const Environment& environment, bool with_models) {
  return parse_config(read_text_file(file, kMaxConfigFile), file, environment, with_models);
}

}  // namespace garage
