// A file's bytes, mapped for reading.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include <garage/file_stamp.hpp>

#include "truncation_guard.hpp"

namespace garage::nn {

class MappedFile {
 public:
  // Throws kIo, kNotFound.
  explicit MappedFile(const std::filesystem::path& path);
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  // Throws kCorrupt when the file is shorter than that.
  const std::uint8_t* bytes(std::uint64_t offset, std::uint64_t size) const;

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
  std::unique_ptr<TruncationGuard> guard_;
};

}  // namespace garage::nn
