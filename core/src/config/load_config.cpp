#include <garage/config.hpp>

#include <cstdlib>

#include <sys/auxv.h>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "../bytes/read_file.hpp"
#include "config_file.hpp"
#include "found_config.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;

constexpr const char* kForeignRights = "this process runs with more rights than whoever started it has (set-uid)";

using Folders = std::vector<PluginFolder>;

// Where what was learned of plugin files is kept; nowhere when there is no home.
fs::path verdicts_file(const Environment& environment) {
  if (const auto cache = environment("XDG_CACHE_HOME"); cache && !cache->empty())
    return fs::path(*cache) / "garage/plugins.json";
  if (const auto home = environment("HOME"); home && !home->empty())
    return fs::path(*home) / ".cache/garage/plugins.json";
  return {};
}

void add_list(std::string_view list, const std::string& origin, Folders& folders) {
  for (std::size_t begin = 0; begin <= list.size();) {
    const auto end = std::min(list.find(':', begin), list.size());
    if (end > begin) folders.push_back({fs::path(list.substr(begin, end - begin)), origin});
    begin = end + 1;
  }
}

Folders first_folders(const ConfigOverrides& overrides, const Environment& environment) {
  Folders folders;
  for (const auto& folder : overrides.plugins) folders.push_back({folder, "--plugins"});
  add_list(environment("GARAGE_PLUGIN_PATH").value_or(""), "GARAGE_PLUGIN_PATH", folders);
  return folders;
}

struct ConfigFile {
  fs::path path;
  bool is_found = false;  // where the user stands: nobody named it, and it is not the user's own
};

// The file to read, if any; one that somebody named has to be there.
std::optional<ConfigFile> config_file(const ConfigOverrides& overrides, const Environment& environment,
                                      bool foreign_rights) {
  if (overrides.config) return ConfigFile{*overrides.config};
  if (const auto named = environment("GARAGE_CONFIG"); named && !named->empty()) return ConfigFile{*named};
  const auto own = own_config_file(environment);
  const fs::path here = "garage.yaml";
  std::error_code code;
  if (!foreign_rights && is_there(here)) return ConfigFile{here, !(own && fs::equivalent(here, *own, code))};
  return own && is_there(*own) ? std::optional(ConfigFile{*own}) : std::nullopt;
}

Config read_without_rights(const std::optional<ConfigFile>& file, const Environment& environment, bool models) {
  auto config = file ? read_config(file->path, environment, models) : parse_config("", "garage.yaml", environment);
  if (!config.plugins.folders.empty())
    config.notes.push_back(
        fmt::format("{}: its plugins.paths are passed over: {}", file->path.string(), kForeignRights));
  if (!file && is_there("garage.yaml"))
    config.notes.push_back(fmt::format("garage.yaml is not read: {}", kForeignRights));
  config.plugins = {};
  return config;
}

// named: the folders that the user names elsewhere.
Config read_found(const fs::path& file, const Folders& named, const Environment& environment, bool models) {
  auto config = read_config(file, environment, models);
  const auto own = own_config_file(environment);
  hold_found_config(config, file, own && is_there(*own) ? read_config(*own, environment, false) : Config{}, named,
                    environment);
  return config;
}

}  // namespace

std::optional<std::string> process_environment(const char* name) {
  const auto* value = ::secure_getenv(name);  // a set-uid program does as its user's environment says not
  return value ? std::optional<std::string>(value) : std::nullopt;
}

bool has_foreign_rights() { return ::getauxval(AT_SECURE) != 0; }

std::optional<fs::path> own_config_file(const Environment& environment) {
  if (const auto folder = environment("XDG_CONFIG_HOME"); folder && !folder->empty())
    return fs::path(*folder) / "garage/garage.yaml";
  if (const auto home = environment("HOME"); home && !home->empty())
    return fs::path(*home) / ".config/garage/garage.yaml";
  return std::nullopt;
}

Config load_config(const ConfigOverrides& overrides, const Environment& environment, bool foreign_rights) {
  if (foreign_rights && !overrides.plugins.empty())
    throw Error(Errc::kInvalidArgument, fmt::format("--plugins is not taken: {}", kForeignRights));
  auto folders = first_folders(overrides, environment);
  const auto last = standard_plugin_folders();
  auto named = folders;
  named.insert(named.end(), last.begin(), last.end());

  const auto file = config_file(overrides, environment, foreign_rights);
  auto config = foreign_rights   ? read_without_rights(file, environment, overrides.models)
                : !file          ? parse_config("", "garage.yaml", environment)
                : file->is_found ? read_found(file->path, named, environment, overrides.models)
                                 : read_config(file->path, environment, overrides.models);
  if (const auto catalog = environment("GARAGE_CATALOG"); catalog && !catalog->empty()) config.catalog = *catalog;
  if (overrides.catalog) config.catalog = *overrides.catalog;
  config.catalog = fs::absolute(config.catalog);

  folders.insert(folders.end(), config.plugins.folders.begin(), config.plugins.folders.end());
  folders.insert(folders.end(), last.begin(), last.end());
  config.plugins.folders = std::move(folders);
  config.plugins.verdicts = verdicts_file(environment);
  return config;
}

}  // namespace garage
