// Config: which plugins, which catalog, which devices, which models. Read from YAML; every key has a default.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <garage/export.hpp>
#include <garage/plugin_host.hpp>

namespace garage {

struct DeviceRule {
  std::string model = "*";  // pattern of ids: * any characters
  std::string parts = "*";  // pattern of part names: *, and {0..15} a range
  std::optional<std::string> device, dtype;
  std::optional<bool> stay;  // false: of a stack's layers each is there only while it runs, the next on its way
};

struct DeviceSettings {
  std::string device = "auto";  // auto | cpu | cuda[:n]
  std::string dtype = "keep";   // keep | float32 | bfloat16 | float16
  std::vector<DeviceRule> rules;
  bool keep_packed = false;  // encoded weights stay as they are stored, and are decoded whenever they are used
};

// One entry of `models:`; exactly one of path, glob, hub_cache and list is set.
struct ModelEntry {
  std::string id;  // with path; with glob a pattern, in which {parent} and {name} stand for the match's folder and name
  std::optional<std::filesystem::path> path, hub_cache;
  std::optional<std::filesystem::path> list;  // a text file: an id and a path (or its URI) a line; # begins a comment
  std::optional<std::string> glob;
  std::optional<std::string> revision;  // with hub_cache: a branch, a tag or a commit; main by default
  std::string plugin;                   // the one that takes these models, whoever else claims them; empty: any
  std::optional<std::string> variant;   // of the weights, where a folder has several: "fp16"
  std::vector<AdapterUse> adapters;     // with path; laid over the weights, in this order
};

enum class OnError { keep_going, stop };

struct BatchSettings {
  std::int64_t jobs = 0;    // threads; 0: as many as keep the cores busy
  std::int64_t shards = 0;  // how many processes share the work, where what starts them does not tell
  OnError on_error = OnError::keep_going;
};

struct Config {
  std::filesystem::path catalog;
  PluginSettings plugins;
  DeviceSettings devices;
  std::vector<ModelEntry> models;
  BatchSettings batch;
  std::vector<std::string> notes;  // what was passed over, and what to do: for the user to see
};

// What a command line said; it comes before everything else.
struct ConfigOverrides {
  std::optional<std::filesystem::path> config, catalog;
  std::vector<std::filesystem::path> plugins;
  bool models = true;  // false: see parse_config
};

// What one environment variable says; nothing when it is not set, or the process is set-uid.
using Environment = std::function<std::optional<std::string>(const char* name)>;
GARAGE_API std::optional<std::string> process_environment(const char* name);

// Whether this process has rights that whoever started it has not: set-uid, set-gid, or capabilities of the file.
GARAGE_API bool has_foreign_rights();

// Order: overrides, environment (GARAGE_CONFIG, GARAGE_CATALOG, GARAGE_PLUGIN_PATH), ./garage.yaml,
// $XDG_CONFIG_HOME/garage/garage.yaml, defaults. Plugin folders of all sources are searched, in that order.
// A ./garage.yaml that nobody named may be a stranger's: what it says of plugins holds as far as found_config.hpp says.
// foreign_rights: no ./garage.yaml is read, and no config and no command line brings plugins.
// Throws as parse_config; kNotFound when a file that somebody named is not there.
GARAGE_API Config load_config(const ConfigOverrides& overrides = {},
                              const Environment& environment = process_environment,
                              bool foreign_rights = has_foreign_rights());

// One YAML text. Relative paths in it are relative to the folder of its file; ~ is the home folder; what begins with
// file:// is a file URI (path_text.hpp), but in a glob.
// Throws kInvalidArgument, with line and column: no YAML or not UTF-8, a value of the wrong type, a key that stands
// twice, a key that is unknown (with the nearest known one); files that include each other in a loop, more than 32 deep
// or more than 1,000 times, and more than 64 MB of them; aliases that stand for far more than the file.
// with_models: false leaves a block of `models:` and what is wrong with it alone, and with it what its entries say of
// devices: it may be long, and few need it. What else the file has must then be below 8 MB.
GARAGE_API Config parse_config(std::string_view yaml, const std::filesystem::path& file,
                               const Environment& environment = process_environment, bool with_models = true);

}  // namespace garage
