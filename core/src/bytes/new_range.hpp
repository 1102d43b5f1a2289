// NewRange: some of a large new file's bytes, written one after another by one thread.
//
// What is whole blocks of the disk goes there past the system's cache, where the file system takes it so: a cache fills
// at a fraction of a disk's speed, one thread of a file at a time, and then holds what nobody reads soon instead of
// what somebody does. The ends of a range, which share a block with its neighbours, go through the cache.
//
// Lifetime  The file outlives it.
// Threads   One thread a range; ranges of one file that are apart may be written at once.
// Errors    kIo, naming the file that is to be.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "new_file.hpp"

namespace garage {

class NewRange {
 public:
  // From that offset of the file on, for whose bytes there is room.
  NewRange(NewFile& file, std::uint64_t offset);

  void write(std::string_view bytes);  // behind what was written
  // The same with bytes of another file.
  void copy(const ReadFile& from, std::uint64_t offset, std::uint64_t count);
  // Writes what is still held in memory.
  void flush();

 private:
  struct Freed {
    void operator()(char* bytes) const noexcept { std::free(bytes); }
  };

  std::size_t left() const noexcept;
  void took(std::size_t bytes);

  NewFile& file_;
  std::unique_ptr<char[], Freed> held_;
  std::uint64_t offset_;     // of the first byte that can be held, in whole blocks
  std::size_t first_, end_;  // of what is held
};

}  // namespace garage
