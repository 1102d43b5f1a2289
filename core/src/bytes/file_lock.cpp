#include "file_lock.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage {
namespace {

[[noreturn]] void fail(const std::filesystem::path& file) {
  throw Error(Errc::kIo, fmt::format("{}: cannot be locked: {}", file.string(), std::strerror(errno)));
}

}  // namespace

FileLock::FileLock(const std::filesystem::path& file)
    : descriptor_(::open(file.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666)), is_held_(true) {
  if (descriptor_ < 0) fail(file);
  struct flock all {};
  all.l_type = F_WRLCK;
  int done = 0;
  do done = ::fcntl(descriptor_, F_OFD_SETLK, &all);
  while (done != 0 && errno == EINTR);
  is_held_ = done == 0;
  if (done != 0 && errno != EAGAIN && errno != EACCES) {
    ::close(descriptor_);
    fail(file);
  }
}

FileLock::~FileLock() { ::close(descriptor_); }

}  // namespace garage
