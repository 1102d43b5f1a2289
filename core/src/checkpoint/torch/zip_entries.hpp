// What is in a zip archive, and where.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace garage {

struct ZipEntry {
  std::uint64_t offset = 0;  // of its data, in bytes from the first byte of the file
  std::uint64_t size = 0;    // bytes
  std::uint32_t crc = 0;     // of the data, as the archive says
  bool stored = false;       // as it is: not compressed, not encrypted
};

// By name. Throws kCorrupt when it is no zip archive or one that is broken; an entry reaches past the end of the file.
std::map<std::string, ZipEntry> read_zip_entries(const std::filesystem::path& file);

}  // namespace garage
