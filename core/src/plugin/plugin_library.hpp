// PluginLibrary: a plugin, opened.
#pragma once

#include <memory>
#include <string>

#include <garage/shared_library.hpp>

#include "plugin_decomposer.hpp"

namespace garage {

struct PluginLibrary {
  PluginInfo info;
  std::shared_ptr<const PluginDecomposer> decomposer;
};

// Opens the file for good. name is the one that the file's name says.
// Throws kIncompatible: why it is refused, and what to do. The message does not name the file.
PluginLibrary open_plugin(const LibraryFile& file, const std::string& name);

}  // namespace garage
