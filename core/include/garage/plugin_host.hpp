// PluginHost: finds plugins, opens them, and asks them whose model this is.
//
// Lifetime  Plugins are opened when first needed and never closed; a host may be destroyed at any time. What a plugin says of
//           itself is kept with the verdict on its file, so that the next host opens those alone whom a model may concern.
// Trust     A plugin runs with the user's rights. A file is refused in which others than the user and root have a say
//           (they own or may write it, a folder above it, or a link on the way), and so is what `allow` does not have.
//           What is loaded is the very file that was looked at.
// Threads   All const members may be called from several threads at once.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>

#include <garage/decomposer.hpp>
#include <garage/export.hpp>
#include <garage/shared_library.hpp>

namespace garage {

// What a config brings that was only found, not named by the user: nothing but the files that the user allowed.
struct FoundPlugins {
  std::filesystem::path config_folder;        // what `garage plugin allow` is to name
  std::map<std::string, std::string> sha256;  // of the files that were allowed, by their names in the folder, in hex

  GARAGE_API bool allows(const std::string& file_name, const std::string& file_sha256) const;
  GARAGE_API std::string command() const;  // that allows what is there now
  GARAGE_API std::string remedy() const;   // for a file that is not allowed: why, and the command
};
BOOST_DESCRIBE_STRUCT(FoundPlugins, (), (config_folder, sha256))

struct PluginFolder {
  std::filesystem::path path;
  std::string origin;                 // who named it: "--plugins", "GARAGE_PLUGIN_PATH", a config file, "built in"
  std::optional<FoundPlugins> found;  // nothing: the user named it
};
BOOST_DESCRIBE_STRUCT(PluginFolder, (), (path, origin, found))

struct PluginSettings {
  std::vector<PluginFolder> folders;         // searched in this order, not recursively
  std::map<std::string, std::string> pin;    // family to the plugin that wins its ties
  std::set<std::string> disable;             // plugin names
  std::map<std::string, std::string> allow;  // plugin names to the sha256 of their files, in hex; empty: all may load
  bool probe = true;                         // a file not seen before is opened in a process of its own first
  std::map<std::string, std::string> set_aside;  // plugin names to what they did in this run: they are not opened
  // Of a process that works for this one (worker.hpp): 0 is no limit.
  std::int64_t time_limit = 30;      // seconds that one call of a plugin may take
  std::int64_t memory_limit = 2048;  // megabytes
  std::filesystem::path verdicts;    // where is kept what came of that; empty: nowhere, and each host tries anew
};

// `$XDG_DATA_HOME/garage/plugins` and `<libdir>/garage/plugins` beside the core.
GARAGE_API std::vector<PluginFolder> standard_plugin_folders();

enum class PluginState {
  loaded,
  shadowed,     // a file of that name comes first
  disabled,     // the config says so
  refused,      // it does not fit, or is not to be trusted
  quarantined,  // it crashed, hung or misbehaved when it was tried in a process of its own
};
BOOST_DESCRIBE_ENUM(PluginState, loaded, shadowed, disabled, refused, quarantined)

// One plugin file that was seen.
struct PluginRecord {
  std::string name;  // from its file's name
  std::filesystem::path path;
  std::string origin;
  PluginState state = PluginState::loaded;
  std::string reason;  // why it is not loaded, and what to do
  std::optional<PluginInfo> info;
  std::optional<FoundPlugins> found;  // of its folder
};
BOOST_DESCRIBE_STRUCT(PluginRecord, (), (name, path, origin, state, reason, info))

// What one plugin answered to `detect`.
struct Claim {
  std::string plugin;
  int score = 0;
  std::string family;
  std::string reason;
  bool failed = false;  // detect threw; reason says what
};
BOOST_DESCRIBE_STRUCT(Claim, (), (plugin, score, family, reason, failed))

// The plugin that takes the model.
struct Choice {
  std::shared_ptr<const ModelDecomposer> decomposer;
  PluginInfo plugin;
  Claim claim;
};

class GARAGE_API PluginHost {
 public:
  explicit PluginHost(PluginSettings settings);
  ~PluginHost();

  // Of the plugin files that are there and of what decides between them: another one whenever a model may come out in
  // another way. Opens none of them.
  std::string fingerprint() const;

  // The folders that are searched, in this order, without those that only a found config names: where else to look for
  // what lies beside plugins.
  std::vector<std::filesystem::path> folders() const;

  // Every plugin file seen, loaded or not, in search order.
  const std::vector<PluginRecord>& plugins() const;

  // Every loaded plugin's answer, highest score first. id is what the caller calls the model.
  std::vector<Claim> claims(const Model& model, std::string_view id) const;

  // Asks the plugins whom the model may concern (PluginInfo::model_types), and the rest where none of those claims it.
  // The highest score wins; equal ones are decided by the config's pin, then by priority. Where a plugin is named, its
  // claim wins.
  // Throws kUnsupported when nobody claims the model, with what each said (kNotFound when it has no config);
  // kAmbiguous when nothing decides; kNotFound when the named plugin does not claim it.
  Choice choose(const Model& model, std::string_view id, std::string_view plugin = {}) const;

  // The library that builds the custom parts of a loaded plugin; nothing when there is no such plugin, or it needs
  // none. It is held to what a plugin file is, as "garage-nn-<plugin>". Throws kIncompatible when it is not to be
  // trusted, kNotFound, kIo; the message names the file.
  std::optional<LibraryFile> nn_library(std::string_view plugin) const;

 private:
  struct Loaded;
  Loaded& loaded() const;

  PluginSettings settings_;
  std::unique_ptr<Loaded> loaded_;
};

}  // namespace garage
