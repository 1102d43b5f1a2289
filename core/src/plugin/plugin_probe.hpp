// Opening a plugin in a process of its own before it is opened in this one, so that one that crashes or hangs takes
// nobody down; and remembering what came of it, by the file's path and version.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include <boost/describe.hpp>

#include <garage/decomposer.hpp>
#include <garage/export.hpp>
#include <garage/file_stamp.hpp>
#include <garage/shared_library.hpp>

namespace garage {

// Threads  Not for several threads at once. Several processes may keep verdicts in one file: the last one stays.
class PluginProbe {
 public:
  // verdicts: the file to keep them in; empty: none, and every file is probed anew.
  explicit PluginProbe(std::filesystem::path verdicts);
  // Writes them, if there are new ones; a file that cannot be written is passed over.
  void keep();

  // What a plugin said of itself when it was opened, which so need not be opened to know it; nothing where it never
  // was, or its file is another one now.
  std::optional<PluginInfo> info(const std::filesystem::path& file) const;
  void remember(const LibraryFile& file, const PluginInfo& info);

  // Why the plugin is quarantined; nothing when it may be opened here.
  std::optional<std::string> quarantine(const LibraryFile& file, const std::string& name);

 private:
  struct Verdict {
    std::string version;             // of the file (file_stamp.hpp)
    std::string reason;              // empty: fine
    std::optional<PluginInfo> info;  // nothing: it was not opened yet
    BOOST_DESCRIBE_CLASS(Verdict, (), (version, reason, info), (), ())
  };
  std::filesystem::path path_;
  std::map<std::string, Verdict> verdicts_;
  bool changed_ = false;
};

// What `garage-worker probe` does: opens the plugin, which it was given as kChildFile, and asks it about models that
// are none. file: what it is called.
GARAGE_API int run_plugin_probe(const std::filesystem::path& file, const std::string& name);

}  // namespace garage
