// The way is walked from / by descriptors, one name at a time, so that what is looked at is what the next name is
// looked up in: a folder or a link that is put in its place meanwhile is not followed.
#include "trusted_file.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <utility>

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "../text/shell_word.hpp"
#include "others.hpp"
#include "read_file.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;

constexpr int kMostLinks = 40;  // as the system's own limit

[[noreturn]] void fail(const fs::path& path, int code) {
  throw Error(code == ENOENT || code == ENOTDIR ? Errc::kNotFound : Errc::kIo,
              fmt::format("cannot be opened: {}: {}", path.string(), std::strerror(code)));
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int number() const { return number_; }

 private:
  int number_;
};

class TrustedWalk {
 public:
  explicit TrustedWalk(const fs::path& file) : file_(fs::absolute(file)), folder_(open_root()) { queue(file_); }

  std::shared_ptr<const ReadFile> open() {
    while (!names_.empty()) {
      const auto name = std::move(names_.front());
      names_.pop_front();
      const bool is_last = names_.empty();
      Descriptor found(::openat(folder_.number(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
      if (found.number() < 0) fail(path_ / name, errno);
      struct stat status {};
      if (::fstat(found.number(), &status) != 0) fail(path_ / name, errno);
      if (S_ISLNK(status.st_mode)) {
        follow(found, name, status);
      } else if (S_ISDIR(status.st_mode)) {
        path_ = (path_ / name).lexically_normal();
        require_folder(status, found.number());
        folder_ = std::move(found);
      } else if (!is_last) {
        fail(path_ / name, ENOTDIR);
      } else {
        return open_file(found, status, path_ / name);
      }
    }
    throw Error(Errc::kIo, "is no regular file");
  }

 private:
  // In front of what is still to be walked.
  void queue(const fs::path& way) {
    std::deque<std::string> added;
    for (const auto& name : way.relative_path())
      if (!name.empty() && name != ".") added.push_back(name.string());
    names_.insert(names_.begin(), added.begin(), added.end());
  }

  Descriptor open_root() {
    Descriptor root(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    struct stat status {};
    if (root.number() < 0 || ::fstat(root.number(), &status) != 0) fail("/", errno);
    path_ = "/";
    require_folder(status, root.number());
    return root;
  }

  void follow(const Descriptor& link, const std::string& name, const struct stat& status) {
    if (++links_ > kMostLinks) fail(path_ / name, ELOOP);
    if (is_somebody_elses(status)) distrust_owner(status, path_ / name);
    std::array<char, PATH_MAX> text;
    const auto size = ::readlinkat(link.number(), "", text.data(), text.size());
    if (size < 0) fail(path_ / name, errno);
    const fs::path target(std::string(text.data(), static_cast<std::size_t>(size)));
    if (target.is_absolute()) folder_ = open_root();
    queue(target);
  }

  void require_folder(const struct stat& status, int descriptor) const {
    if (is_somebody_elses(status)) distrust_owner(status, path_);
    // In a sticky folder, as /tmp, others may add files and not replace ours.
    if ((status.st_mode & S_ISVTX) || !others_may_write(status, descriptor)) return;
    distrust(
        fmt::format("others may write to {} (mode {:o})",
                    path_ == file_.parent_path() ? "its folder" : fmt::format("{}, on the way to it", path_.string()),
                    status.st_mode & 07777),
        "chmod go-w " + shell_word(path_));
  }

  std::shared_ptr<const ReadFile> open_file(const Descriptor& found, const struct stat& status,
                                            const fs::path& real) const {
    if (!S_ISREG(status.st_mode)) throw Error(Errc::kIo, "is no regular file");
    if (is_somebody_elses(status)) distrust_owner(status, real);
    if (others_may_write(status, found.number()))
      distrust(fmt::format("others may write to it (mode {:o})", status.st_mode & 07777),
               "chmod go-w " + shell_word(real));
    // The very file that was looked at, for reading.
    const auto again = fmt::format("/proc/self/fd/{}", found.number());
    const int descriptor = ::open(again.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) fail(real, errno);
    return std::make_shared<const ReadFile>(file_, descriptor);
  }

  [[noreturn]] void distrust_owner(const struct stat& status, const fs::path& path) const {
    distrust(fmt::format("{} belongs to user {}, who is neither you nor root",
                         path == file_ ? "it" : fmt::format("{}, on the way to it,", path.string()), status.st_uid),
             "take what is yours, or root's");
  }

  [[noreturn]] static void distrust(const std::string& fault, const std::string& remedy) {
    throw Error(Errc::kIncompatible, fmt::format("{}, and it would run with your rights: {}", fault, remedy));
  }

  fs::path file_;
  fs::path path_;  // of the folder: as it is, without links
  Descriptor folder_;
  std::deque<std::string> names_;  // still to be walked
  int links_ = 0;
};

}  // namespace

std::shared_ptr<const ReadFile> open_trusted(const fs::path& file) { return TrustedWalk(file).open(); }

}  // namespace garage
