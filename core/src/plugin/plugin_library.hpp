// PluginLibrary: a plugin file, opened.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "plugin_decomposer.hpp"

namespace garage {

struct PluginLibrary {
  PluginInfo info;
  std::shared_ptr<const PluginDecomposer> decomposer;
  std::filesystem::path file;
};

// Opens the file for good. name is the one that the file's name says.
// Throws kIncompatible: why it is refused, and what to do. The message does not name the file.
PluginLibrary open_plugin(const std::filesystem::path& file, const std::string& name);

}  // namespace garage
