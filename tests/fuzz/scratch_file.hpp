// One file in memory, rewritten for each input: what the readers of files are given.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <unistd.h>

namespace garage::fuzz {

class ScratchFile {
 public:
  explicit ScratchFile(const std::string& name) {
    auto folder = std::string("/dev/shm/garage-fuzz-XXXXXX");
    if (!::mkdtemp(folder.data())) std::abort();
    path_ = std::filesystem::path(folder) / name;
    descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor_ < 0) std::abort();
  }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  ~ScratchFile() {
    ::close(descriptor_);
    std::error_code ignored;
    std::filesystem::remove_all(path_.parent_path(), ignored);
  }

  // hole: so many bytes of zeros behind it.
  const std::filesystem::path& write(std::string_view bytes, std::uint64_t hole = 0) const {
    if (::ftruncate(descriptor_, 0) != 0 ||
        ::pwrite(descriptor_, bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()) ||
        ::ftruncate(descriptor_, static_cast<off_t>(bytes.size() + hole)) != 0)
      std::abort();
    return path_;
  }

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace garage::fuzz
