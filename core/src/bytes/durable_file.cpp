// New files are called .writing- and 32 random digits, and are made with O_EXCL: process ids repeat, between hosts and
// between containers, and so would any name that is made of them.
#include <garage/durable_file.hpp>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <memory>
#include <utility>

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "streamed_file.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = ".writing-";  // a leading dot, which no spec's file has
constexpr std::time_t kAbandonedAfter = 3600;      // seconds; what is written takes some, and clocks of hosts differ

[[noreturn]] void fail(const fs::path& file, const char* what, int code) {
  throw Error(Errc::kIo, fmt::format("{}: cannot be {}: {}", file.string(), what, std::strerror(code)));
}

std::string random_name() {
  std::array<std::uint64_t, 2> bits{};
  for (std::size_t done = 0; done < sizeof bits;) {
    const auto got = ::getrandom(reinterpret_cast<char*>(bits.data()) + done, sizeof bits - done, 0);
    if (got < 0 && errno != EINTR) throw Error(Errc::kIo, fmt::format("no random numbers: {}", std::strerror(errno)));
    if (got > 0) done += static_cast<std::size_t>(got);
  }
  return fmt::format("{}{:016x}{:016x}", kPrefix, bits[0], bits[1]);
}

void write_all(int descriptor, std::string_view bytes, const fs::path& file) {
  while (!bytes.empty()) {
    const auto done = ::write(descriptor, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) fail(file, "written", errno);
    bytes.remove_prefix(static_cast<std::size_t>(done));
  }
}

// Where a link leads, also to what is not there yet.
fs::path followed(fs::path file) {
  std::error_code code;
  for (int links = 0; links < 40 && fs::is_symlink(fs::symlink_status(file, code)); ++links)
    file = file.parent_path() / fs::read_symlink(file, code);  // an absolute one stands alone
  return file;
}

// Removed again unless it was renamed into place.
class NewFile {
 public:
  explicit NewFile(const fs::path& target) : target_(target), path_(target.parent_path() / random_name()) {
    descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (descriptor_ < 0) fail(target_, "written", errno);
    struct stat old {};
    if (::lstat(target_.c_str(), &old) == 0 && S_ISREG(old.st_mode)) ::fchmod(descriptor_, old.st_mode & 0777);
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (!path_.empty()) ::unlink(path_.c_str());
  }

  void write(std::string_view bytes) { write_all(descriptor_, bytes, target_); }

  void rename_into_place() {
    struct stat own {};
    if (::fstat(descriptor_, &own) != 0 || ::fdatasync(descriptor_) != 0) fail(target_, "flushed", errno);
    if (::close(std::exchange(descriptor_, -1)) != 0) fail(target_, "closed", errno);
    if (::rename(path_.c_str(), target_.c_str()) != 0 && !is_in_place(own, errno)) fail(target_, "put in place", errno);
    path_.clear();
  }

 private:
  // NFS: a rename whose answer was lost is asked for again, and then finds nothing to rename.
  bool is_in_place(const struct stat& own, int code) const {
    struct stat there {};
    const bool is_there = code == ENOENT && ::lstat(target_.c_str(), &there) == 0;
    errno = code;
    return is_there && there.st_dev == own.st_dev && there.st_ino == own.st_ino;
  }

  fs::path target_, path_;
  int descriptor_ = -1;
};

}  // namespace

void write_streamed(const fs::path& file,
                    const std::function<void(const std::function<void(std::string_view)>& put)>& body) {
  NewFile fresh(file);
  body([&](std::string_view piece) { fresh.write(piece); });
  fresh.rename_into_place();
}

void write_durably(const fs::path& file, const std::vector<std::string_view>& pieces) {
  write_streamed(file, [&](const auto& put) {
    for (const auto piece : pieces) put(piece);
  });
}

void write_output(const fs::path& file, const std::vector<std::string_view>& pieces) {
  std::error_code code;
  const auto status = fs::status(file, code);
  if (!fs::exists(status) || fs::is_regular_file(status)) {
    const auto target = followed(file);
    write_durably(target, pieces);
    if (target.has_parent_path()) remove_abandoned_files(target.parent_path());
    return;
  }
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CLOEXEC);
  if (descriptor < 0) fail(file, "written", errno);
  const std::unique_ptr<const int, void (*)(const int*)> closed(&descriptor, [](const int* open) { ::close(*open); });
  for (const auto piece : pieces) write_all(descriptor, piece, file);
}

void flush_folder(const fs::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}

bool is_being_written(std::string_view name) { return name.starts_with(kPrefix); }

void remove_if_abandoned(const fs::path& file) {
  struct stat status {};
  if (::lstat(file.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
      status.st_mtim.tv_sec < std::time(nullptr) - kAbandonedAfter)
    ::unlink(file.c_str());
}

void remove_abandoned_files(const fs::path& folder) {
  std::error_code code;
  for (fs::directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code))
    if (is_being_written(entry->path().filename().native())) remove_if_abandoned(entry->path());
}

}  // namespace garage
