// The files of a catalog folder that should be specs, and which version of each is there, without reading them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <unordered_map>

#include <garage/file_stamp.hpp>

namespace garage {

using SpecFiles = std::unordered_map<std::string, FileStamp>;  // by file name

// Empty when there is no such folder. Throws kIo when it cannot be read. What killed writers left in it is removed
// (durable_file.hpp).
SpecFiles spec_files(const std::filesystem::path& folder);

// Whether what bears this stamp, looked at when the clock said now, would bear another if it changed after that: the
// clocks of file systems tick in up to 2 s, and what changes within a tick keeps its time.
bool is_settled(const FileStamp& stamp, std::int64_t now_ns);

std::int64_t now_ns();  // since 1970, as file times are

}  // namespace garage
