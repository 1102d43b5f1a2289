// AllowedFiles: what the user allowed of configs that are only found ($XDG_CONFIG_HOME/garage/allowed.json): an object
// of folders, each with the sha256 of files by their paths.
#pragma once

#include <filesystem>
#include <map>
#include <string>

namespace garage {

using AllowedFiles = std::map<std::string, std::map<std::string, std::string>>;  // paths as path_text.hpp has them

// Nothing when there is no such file. It says what may run, and is held to what a plugin file is (trusted_file.hpp).
// Throws kIncompatible, kCorrupt, kIo; the message names the file.
AllowedFiles read_allowed_files(const std::filesystem::path& file);

// Throws kIo.
void write_allowed_files(const std::filesystem::path& file, const AllowedFiles& allowed);

}  // namespace garage
