// The files that configs are in.
#pragma once

#include <filesystem>
#include <optional>

#include <garage/config.hpp>

namespace garage {

// The user's own; nothing when the user has no folder for configs.
std::optional<std::filesystem::path> own_config_file(const Environment& environment);

// Throws as parse_config; kNotFound, kIo, kCorrupt.
Config read_config(const std::filesystem::path& file, const Environment& environment, bool with_models);

}  // namespace garage
