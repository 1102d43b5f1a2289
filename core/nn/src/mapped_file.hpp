// A file's bytes, mapped for reading.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

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

 private:
  std::string path_;
  void* address_ = nullptr;
  std::uint64_t size_ = 0;
};

}  // namespace garage::nn
