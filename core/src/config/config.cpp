#include <garage/config.hpp>

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/path_text.hpp>

#include "../file/read_file.hpp"
#include "yaml_reader.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxConfigFile = 64'000'000;  // bytes

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
                                {"dtype", [&](const YamlReader& v) { rule.dtype = read_dtype(v); }}};
  if (names_model) handlers["model"] = [&](const YamlReader& v) { rule.model = v.text(); };
  item.keys(handlers);
  if (!rule.device && !rule.dtype) item.refuse("should name a device or a dtype");
  return rule;
}

void read_devices(const YamlReader& value, DeviceSettings& devices) {
  value.keys({{"default", [&](const YamlReader& v) { devices.device = read_device(v); }},
              {"dtype", [&](const YamlReader& v) { devices.dtype = read_dtype(v); }},
              {"rules", [&](const YamlReader& v) {
                 v.each([&](const YamlReader& item) { devices.rules.push_back(read_rule(item, true)); });
               }}});
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
              {"devices", [&](const YamlReader& v) {
                 v.each([&](const YamlReader& item) { own.push_back(read_rule(item, false)); });
               }}});
  const int sources =
      entry.path.has_value() + entry.glob.has_value() + entry.hub_cache.has_value() + entry.list.has_value();
  if (sources != 1) value.refuse(fmt::format("has {} of path, glob, hub_cache and list, should have one", sources));
  if (entry.path && entry.id.empty()) value.refuse("has a path and no id");
  if (!entry.id.empty() && !entry.path && !entry.glob) value.refuse("has an id, which only a path or a glob takes");
  if (entry.revision && !entry.hub_cache) value.refuse("has a revision, which only a hub_cache takes");
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

// One file into what was read before it; those that it includes come before itself, and its own settings win.
// chain: the files that are being read, each included by the one before.
void read_into(Config& config, std::vector<DeviceRule>& of_entries, std::string_view yaml, const fs::path& file,
               const Environment& environment, std::vector<fs::path>& chain) {
  const PathReader path(fs::absolute(file).parent_path(), environment);
  const auto document = read_yaml(yaml, file.string());
  std::error_code code;
  chain.push_back(fs::weakly_canonical(fs::absolute(file), code));
  const auto include = [&](const YamlReader& item) {
    const auto other = path(item);
    if (std::find(chain.begin(), chain.end(), fs::weakly_canonical(other, code)) != chain.end())
      item.refuse(fmt::format("includes {}, which includes it: a loop", other.string()));
    if (!is_there(other)) item.refuse(fmt::format("includes {}, which is not there", other.string()));
    read_into(config, of_entries, read_text_file(other, kMaxConfigFile), other, environment, chain);
  };
  const auto later = [](const YamlReader&) {};
  YamlReader::Handlers handlers{{"catalog", later}, {"plugins", later},
                                {"devices", later}, {"models", later},
                                {"batch", later},   {"include", [&](const YamlReader& v) { v.each(include); }}};
  document.keys(handlers);
  document.keys({{"include", later},
                 {"catalog", [&](const YamlReader& v) { config.catalog = path(v); }},
                 {"plugins", [&](const YamlReader& v) { read_plugins(v, config.plugins, path_text(file), path); }},
                 {"devices", [&](const YamlReader& v) { read_devices(v, config.devices); }},
                 {"models",
                  [&](const YamlReader& v) {
                    v.each(
                        [&](const YamlReader& item) { config.models.push_back(read_model(item, path, of_entries)); });
                  }},
                 {"batch", [&](const YamlReader& v) { read_batch(v, config.batch); }}});
  chain.pop_back();
}

fs::path default_catalog(const Environment& environment) {
  return fs::path(environment("HOME").value_or(".")) / ".model_garage/registry";
}

// The file to read, if any; one that somebody named has to be there.
std::optional<fs::path> config_file(const ConfigOverrides& overrides, const Environment& environment) {
  if (overrides.config) return overrides.config;
  if (const auto named = environment("GARAGE_CONFIG"); named && !named->empty()) return *named;
  auto folder = environment("XDG_CONFIG_HOME");
  if (!folder || folder->empty()) folder = environment("HOME").value_or("") + "/.config";
  for (const auto& file : {fs::path("garage.yaml"), fs::path(*folder) / "garage/garage.yaml"})
    if (is_there(file)) return file;
  return std::nullopt;
}

// Where what was learned of plugin files is kept; nowhere when there is no home.
fs::path verdicts_file(const Environment& environment) {
  if (const auto cache = environment("XDG_CACHE_HOME"); cache && !cache->empty())
    return fs::path(*cache) / "garage/plugins.json";
  if (const auto home = environment("HOME"); home && !home->empty())
    return fs::path(*home) / ".cache/garage/plugins.json";
  return {};
}

std::vector<PluginFolder> folders_in(std::string_view list, const std::string& origin) {
  std::vector<PluginFolder> folders;
  for (std::size_t begin = 0; begin <= list.size();) {
    const auto end = std::min(list.find(':', begin), list.size());
    if (end > begin) folders.push_back({fs::path(list.substr(begin, end - begin)), origin});
    begin = end + 1;
  }
  return folders;
}

}  // namespace

std::optional<std::string> process_environment(const char* name) {
  const auto* value = ::secure_getenv(name);  // a set-uid program does as its user's environment says not
  return value ? std::optional<std::string>(value) : std::nullopt;
}

Config parse_config(std::string_view yaml, const fs::path& file, const Environment& environment) {
  Config config;
  config.catalog = default_catalog(environment);
  std::vector<DeviceRule> of_entries;
  std::vector<fs::path> chain;
  read_into(config, of_entries, yaml, file, environment, chain);
  config.devices.rules.insert(config.devices.rules.begin(), of_entries.begin(), of_entries.end());
  return config;
}

Config load_config(const ConfigOverrides& overrides, const Environment& environment) {
  const auto file = config_file(overrides, environment);
  auto config = file ? parse_config(read_text_file(*file, kMaxConfigFile), *file, environment)
                     : parse_config("", "garage.yaml", environment);
  if (const auto catalog = environment("GARAGE_CATALOG"); catalog && !catalog->empty()) config.catalog = *catalog;
  if (overrides.catalog) config.catalog = *overrides.catalog;
  config.catalog = fs::absolute(config.catalog);

  std::vector<PluginFolder> folders;
  for (const auto& folder : overrides.plugins) folders.push_back({folder, "--plugins"});
  for (auto& folder : folders_in(environment("GARAGE_PLUGIN_PATH").value_or(""), "GARAGE_PLUGIN_PATH"))
    folders.push_back(std::move(folder));
  for (auto& folder : config.plugins.folders) folders.push_back(std::move(folder));
  for (auto& folder : standard_plugin_folders()) folders.push_back(std::move(folder));
  config.plugins.folders = std::move(folders);
  config.plugins.verdicts = verdicts_file(environment);
  return config;
}

}  // namespace garage
