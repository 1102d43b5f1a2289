// Reading files that anybody may have put there.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

namespace garage {

// Whether something is there. Throws kIo when the system does not tell: no permission for its folder.
bool is_there(const std::filesystem::path& path);

// A regular file, open for reading. A pipe, a device or a folder is refused instead of waited for.
class ReadFile {
 public:
  // Throws kNotFound, kIo.
  explicit ReadFile(const std::filesystem::path& path);
  // One that is open, and is closed with this; path: what errors call it. Throws kIo.
  ReadFile(const std::filesystem::path& path, int descriptor);
  ReadFile(const ReadFile&) = delete;
  ReadFile& operator=(const ReadFile&) = delete;
  ~ReadFile();

  int descriptor() const noexcept { return descriptor_; }
  std::uint64_t size() const noexcept { return size_; }  // bytes, when it was opened

  // Exactly so many bytes from offset. Throws kIo when the file ends before, or the system refuses.
  void read(std::uint64_t offset, std::span<char> bytes) const;
  std::string read(std::uint64_t offset, std::uint64_t count) const;

 private:
  std::string path_;
  int descriptor_;
  std::uint64_t size_ = 0;
};

// The whole of a small file. Throws kNotFound, kIo, and kCorrupt when it is larger than limit bytes.
std::string read_text_file(const std::filesystem::path& path, std::uint64_t limit);
// The same; nothing when there is no such file.
std::optional<std::string> text_if_there(const std::filesystem::path& path, std::uint64_t limit);

}  // namespace garage
