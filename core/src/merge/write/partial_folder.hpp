// PartialFolder: where a result lies until all of it is on the disk: "<folder>.partial".
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "../../bytes/file_lock.hpp"

namespace garage {

class PartialFolder {
 public:
  // identity: a text that is another one for any other result. resume: whether one that was broken off is gone on with.
  // Throws kInvalidArgument (the folder has something in it; what was broken off is another result, or nobody asked to
  // go on with it; somebody else works on it), kIo.
  PartialFolder(const std::filesystem::path& folder, const std::string& identity, bool resume);

  const std::filesystem::path& path() const noexcept { return path_; }
  void rename_into_place();  // throws kIo

 private:
  void require_mine(const std::string& identity, bool resume) const;

  std::filesystem::path target_, path_;
  std::optional<FileLock> lock_;
};

}  // namespace garage
