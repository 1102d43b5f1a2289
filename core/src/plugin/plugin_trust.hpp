// Whether a plugin file may be opened at all: a plugin runs with its user's rights.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include <garage/plugin_host.hpp>
#include <garage/shared_library.hpp>

namespace garage {

// Opens the file, to be read and loaded as it was looked at. Throws as open_trusted (trusted_file.hpp), and
// kIncompatible when the config's plugins.allow, or what the user allowed of a config that was only found, does not
// have it. found: what its folder says of that.
LibraryFile open_trusted_library(const std::filesystem::path& file, const std::string& name,
                                 const std::optional<FoundPlugins>& found, const PluginSettings& settings);

}  // namespace garage
