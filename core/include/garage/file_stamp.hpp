// FileStamp: which version of a file it is, as far as the file system tells without reading it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include <garage/export.hpp>

namespace garage {

struct FileStamp {
  std::uint64_t device = 0, inode = 0;
  std::uint64_t size = 0;        // bytes
  std::int64_t modified_ns = 0;  // since 1970, as whoever wrote it may say
  std::int64_t changed_ns = 0;   // since 1970, as the system alone says

  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

// Inode, size and times: the same on every host that shares the file, where the device's number is not.
GARAGE_API std::string version_text(const FileStamp& stamp);

// Links are followed. Nothing when the file is not there, or the system does not tell.
GARAGE_API std::optional<FileStamp> stamp_of(const std::filesystem::path& file);
GARAGE_API std::optional<FileStamp> stamp_of(int descriptor);

}  // namespace garage
