// The files of a catalog folder that should be specs, and which version of each is there, without reading them.
#pragma once

#include <filesystem>
#include <string>
#include <unordered_map>

#include <garage/file_stamp.hpp>

namespace garage {

using SpecFiles = std::unordered_map<std::string, FileStamp>;  // by file name

// Empty when there is no such folder. Throws kIo when it cannot be read. What killed writers left in it is removed
// (durable_file.hpp).
SpecFiles spec_files(const std::filesystem::path& folder);

}  // namespace garage
