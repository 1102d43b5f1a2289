// A file's bytes, mapped privately: what is written to them stays in this process.
//
// A page that is gone, since somebody cut the file off, reads as bytes of 0xFF, NaN in every floating-point dtype, in
// place of a SIGBUS that ends the process: the first mapping installs a handler for that signal, which passes on
// whatever lies in no mapping of these. Threads  All members may be called from several threads at once.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include <garage/export.hpp>
#include <garage/file_stamp.hpp>

namespace garage {

class LostPages;

class GARAGE_API MappedFile {
 public:
  // version: the one that is meant. Throws kCorrupt when it is another by now, kIo, kNotFound.
  explicit MappedFile(const std::filesystem::path& path, const std::optional<FileStamp>& version = {});
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  // Throws kCorrupt when the file is shorter than that.
  std::uint8_t* bytes(std::uint64_t offset, std::uint64_t size) const;

  bool holds(const void* address) const noexcept;

  // Of an address that it holds.
  std::uint64_t offset_of(const void* address) const noexcept;

  // The same bytes, read and not mapped: a page that is in memory is copied without a fault. Throws kCorrupt when the
  // file is shorter by now, kIo.
  void read(std::uint64_t offset, std::uint64_t size, std::uint8_t* out) const;

  // Gives back the memory of what was read; it is read again when it is touched. What was written to the mapping is
  // lost.
  void forget() const noexcept;

  // Throws kCorrupt when somebody wrote to the file, or cut it off, since it was mapped.
  void require_unchanged() const;

 private:
  std::string path_;
  int descriptor_ = -1;  // stays open: what is at the path may be another file by now
  FileStamp stamp_;
  void* address_ = nullptr;
  std::unique_ptr<LostPages> lost_;
};

}  // namespace garage
