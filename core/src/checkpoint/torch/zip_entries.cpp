#include "zip_entries.hpp"

#include <memory>

#include <fmt/format.h>
#include <minizip/unzip.h>

#include <garage/error.hpp>

namespace garage {

std::map<std::string, ZipEntry> read_zip_entries(const std::filesystem::path& file) {
  const auto fail = [&](const std::string& fault) {
    throw Error(Errc::kCorrupt, fmt::format("{}: {}", file.string(), fault));
  };
  const std::unique_ptr<void, int (*)(unzFile)> archive(unzOpen64(file.c_str()), unzClose);
  if (!archive) fail("is no zip archive, or is cut off: its directory of entries is not at its end");
  const auto file_size = std::filesystem::file_size(file);
  std::map<std::string, ZipEntry> entries;
  int code = unzGoToFirstFile(archive.get());
  for (; code == UNZ_OK; code = unzGoToNextFile(archive.get())) {
    unz_file_info64 info{};
    if (unzGetCurrentFileInfo64(archive.get(), &info, nullptr, 0, nullptr, 0, nullptr, 0) != UNZ_OK)
      fail("its directory of entries is broken");
    std::string name(info.size_filename, '\0');
    if (unzGetCurrentFileInfo64(archive.get(), &info, name.data(), name.size(), nullptr, 0, nullptr, 0) != UNZ_OK)
      fail("its directory of entries is broken");
    ZipEntry entry{0, info.uncompressed_size, static_cast<std::uint32_t>(info.crc), false};
    entry.stored = info.compression_method == 0 && (info.flag & 1) == 0 && info.compressed_size == entry.size;
    if (unzOpenCurrentFile2(archive.get(), nullptr, nullptr, /*raw=*/1) != UNZ_OK)
      fail(fmt::format("entry '{}' and the archive's directory disagree", name));
    entry.offset = unzGetCurrentFileZStreamPos64(archive.get());
    unzCloseCurrentFile(archive.get());
    if (entry.offset > file_size || info.compressed_size > file_size - entry.offset)
      fail(fmt::format("entry '{}' needs {} bytes from {} on, the file has {}", name, info.compressed_size,
                       entry.offset, file_size));
    if (!entries.emplace(name, entry).second) fail(fmt::format("entry '{}' stands twice", name));
  }
  if (code != UNZ_END_OF_LIST_OF_FILE && !(code == UNZ_OK)) fail("its directory of entries is broken");
  return entries;
}

}  // namespace garage
