#include "durable_file.hpp"

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage {
namespace {

[[noreturn]] void fail(const std::filesystem::path& file, const char* what, int code) {
  throw Error(Errc::kIo, fmt::format("{}: cannot be {}: {}", file.string(), what, std::strerror(code)));
}

// Removed again unless it was renamed into place.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::filesystem::path& target) : target_(target) {
    static std::atomic<unsigned> counter{0};
    // A leading dot, which no catalog file has; unique among processes and threads.
    path_ = target.parent_path() / fmt::format(".writing-{}-{}", ::getpid(), counter++);
    descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (descriptor_ < 0) fail(target_, "written", errno);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (!path_.empty()) ::unlink(path_.c_str());
  }

  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto done = ::write(descriptor_, bytes.data(), bytes.size());
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) fail(target_, "written", errno);
      bytes.remove_prefix(static_cast<std::size_t>(done));
    }
  }

  void rename_into_place() {
    if (::fdatasync(descriptor_) != 0) fail(target_, "flushed", errno);
    if (::close(std::exchange(descriptor_, -1)) != 0) fail(target_, "closed", errno);
    if (::rename(path_.c_str(), target_.c_str()) != 0) fail(target_, "put in place", errno);
    path_.clear();
  }

 private:
  std::filesystem::path target_, path_;
  int descriptor_ = -1;
};

}  // namespace

void write_durably(const std::filesystem::path& file, const std::vector<std::string_view>& pieces) {
  TemporaryFile temporary(file);
  for (const auto piece : pieces) temporary.write(piece);
  temporary.rename_into_place();
}

}  // namespace garage
