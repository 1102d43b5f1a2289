// FileLock: whether this process alone works on something, of which a file says so.
#pragma once

#include <filesystem>

namespace garage {

class FileLock {
 public:
  // Makes the file if it is missing. Throws kIo.
  explicit FileLock(const std::filesystem::path& file);
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  ~FileLock();  // lets go; so does the end of the process, whatever its end

  bool is_held() const noexcept { return is_held_; }  // false: somebody else holds it

 private:
  int descriptor_;
  bool is_held_;
};

}  // namespace garage
