// Whether a plugin file may be opened at all: a plugin runs with its user's rights.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include <garage/plugin_host.hpp>

namespace garage {

// Why not, and what to do: others may write to the file or its folder, or the config's plugins.allow does not have it.
// Nothing when it may.
std::optional<std::string> distrust(const std::filesystem::path& file, const std::string& name,
                                    const PluginSettings& settings);

}  // namespace garage
