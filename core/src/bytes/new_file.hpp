// NewFile: a file that is seen by nobody before it is whole: it is written beside the one that it replaces, flushed to
// the disk, and renamed over it.
//
// Threads  write_at, write_blocks_at and copy_at may be called by several threads at once, for ranges that are apart.
// Errors   kIo, naming the file that is to be.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "read_file.hpp"

namespace garage {

class NewFile {
 public:
  // It will have the mode of the one that is there.
  explicit NewFile(const std::filesystem::path& target);
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile();  // removed again unless it was renamed into place

  // So many bytes from the beginning, all of them zero, for which there is room on the disk from now on.
  void make_room(std::uint64_t bytes);
  // Whether blocks, for which there is room, go to the disk past the system's cache.
  bool is_direct() const noexcept { return direct_ >= 0; }

  void write(std::string_view bytes);  // behind what was written so
  void write_at(std::uint64_t offset, std::string_view bytes);
  // Whole blocks from the beginning of one, in memory from a multiple of kBlock.
  static constexpr std::size_t kBlock = 4096;  // bytes
  void write_blocks_at(std::uint64_t offset, std::string_view blocks);
  // Bytes of another file, by the system: they need not pass through memory.
  void copy_at(std::uint64_t offset, const ReadFile& from, std::uint64_t from_offset, std::uint64_t count);

  void rename_into_place();

 private:
  std::filesystem::path target_, path_;
  int descriptor_ = -1;
  int direct_ = -1;  // of the same file, for blocks
};

// Whether that name is one of a new file.
bool is_new_file(std::string_view name);

}  // namespace garage
