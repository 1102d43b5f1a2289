// New files are called .writing- and 32 random digits, and are made with O_EXCL: process ids repeat, between hosts and
// between containers, and so would any name that is made of them.
#include "new_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = ".writing-";  // a leading dot, which no spec's file has

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

// Whether the system copies between these files in another way alone, or not at all.
bool is_refused(int code) {
  return code == EXDEV || code == EINVAL || code == ENOSYS || code == EOPNOTSUPP || code == EPERM;
}

// Whether its file system has a disk of its own. Of another, memory say or a server, there may be a better way.
bool lies_on_disk(int descriptor) {
  struct stat status {};
  return ::fstat(descriptor, &status) == 0 && major(status.st_dev) != 0;
}

// NFS: a rename whose answer was lost is asked for again, and then finds nothing to rename.
bool is_in_place(const fs::path& target, const struct stat& own, int code) {
  struct stat there {};
  const bool is_there = code == ENOENT && ::lstat(target.c_str(), &there) == 0;
  errno = code;
  return is_there && there.st_dev == own.st_dev && there.st_ino == own.st_ino;
}

}  // namespace

NewFile::NewFile(const fs::path& target) : target_(target), path_(target.parent_path() / random_name()) {
  descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
  if (descriptor_ < 0) fail(target_, "written", errno);
  struct stat old {};
  if (::lstat(target_.c_str(), &old) == 0 && S_ISREG(old.st_mode)) ::fchmod(descriptor_, old.st_mode & 0777);
}

NewFile::~NewFile() {
  if (direct_ >= 0) ::close(direct_);
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!path_.empty()) ::unlink(path_.c_str());
}

void NewFile::make_room(std::uint64_t bytes) {
  const auto size = static_cast<off_t>(bytes);
  int done = -1;
  if (bytes > 0) do
      done = ::fallocate(descriptor_, 0, 0, size);
    while (done != 0 && errno == EINTR);
  if (done == 0) {
    if (lies_on_disk(descriptor_)) direct_ = ::open(path_.c_str(), O_WRONLY | O_DIRECT | O_NOFOLLOW | O_CLOEXEC);
    return;
  }
  if (bytes > 0 && errno == ENOSPC)
    throw Error(Errc::kIo, fmt::format("{}: cannot be written: it takes {} bytes, and the disk has less room",
                                       target_.string(), bytes));
  // A file system that cannot say beforehand says so when it is written to.
  if (::ftruncate(descriptor_, size) != 0) fail(target_, "written", errno);
}

void NewFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto done = ::write(descriptor_, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) fail(target_, "written", errno);
    bytes.remove_prefix(static_cast<std::size_t>(done));
  }
}

void NewFile::write_at(std::uint64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto done = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) fail(target_, "written", errno);
    bytes.remove_prefix(static_cast<std::size_t>(done));
    offset += static_cast<std::uint64_t>(done);
  }
}

// Blocks that the disk does not take so (its own are larger, say) go through the cache, and from there to the disk at
// once, so that less is left to be flushed; what fails then fails at the end again, and is reported there.
void NewFile::write_blocks_at(std::uint64_t offset, std::string_view blocks) {
  while (is_direct() && !blocks.empty()) {
    const auto done = ::pwrite(direct_, blocks.data(), blocks.size(), static_cast<off_t>(offset));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0 && errno == EINVAL) break;
    if (done < 0) fail(target_, "written", errno);
    blocks.remove_prefix(static_cast<std::size_t>(done));
    offset += static_cast<std::uint64_t>(done);
  }
  if (blocks.empty()) return;
  write_at(offset, blocks);
  ::sync_file_range(descriptor_, static_cast<off_t>(offset), static_cast<off_t>(blocks.size()), SYNC_FILE_RANGE_WRITE);
}

void NewFile::copy_at(std::uint64_t offset, const ReadFile& from, std::uint64_t from_offset, std::uint64_t count) {
  constexpr std::uint64_t kAtOnce = 1 << 22;  // bytes that pass through memory
  auto to = static_cast<off_t>(offset), at = static_cast<off_t>(from_offset);
  while (count > 0) {
    const auto done = ::copy_file_range(from.descriptor(), &at, descriptor_, &to, count, 0);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0 && !is_refused(errno)) fail(target_, "written", errno);
    if (done <= 0) break;  // the rest, if there is any, in the other way: it says where the source ends
    count -= static_cast<std::uint64_t>(done);
  }
  while (count > 0) {
    const auto size = std::min(count, kAtOnce);
    write_at(static_cast<std::uint64_t>(to), from.read(static_cast<std::uint64_t>(at), size));
    to += static_cast<off_t>(size);
    at += static_cast<off_t>(size);
    count -= size;
  }
}

void NewFile::rename_into_place() {
  struct stat own {};
  if (::fstat(descriptor_, &own) != 0 || ::fdatasync(descriptor_) != 0) fail(target_, "flushed", errno);
  if (::close(std::exchange(descriptor_, -1)) != 0) fail(target_, "closed", errno);
  if (::rename(path_.c_str(), target_.c_str()) != 0 && !is_in_place(target_, own, errno))
    fail(target_, "put in place", errno);
  path_.clear();
}

bool is_new_file(std::string_view name) { return name.starts_with(kPrefix); }

}  // namespace garage
