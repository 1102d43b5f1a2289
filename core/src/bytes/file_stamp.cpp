#include <garage/file_stamp.hpp>

#include <sys/stat.h>

#include <fmt/format.h>

namespace garage {
namespace {

FileStamp stamp_of(const struct stat& status) {
  const auto ns = [](const timespec& time) { return time.tv_sec * 1'000'000'000LL + time.tv_nsec; };
  return {static_cast<std::uint64_t>(status.st_dev), static_cast<std::uint64_t>(status.st_ino),
          static_cast<std::uint64_t>(status.st_size), ns(status.st_mtim), ns(status.st_ctim)};
}

}  // namespace

std::string version_text(const FileStamp& stamp) {
  return fmt::format("{} {} {} {}", stamp.inode, stamp.size, stamp.modified_ns, stamp.changed_ns);
}

std::optional<FileStamp> stamp_of(const std::filesystem::path& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) return std::nullopt;
  return stamp_of(status);
}

std::optional<FileStamp> stamp_of(int descriptor) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return std::nullopt;
  return stamp_of(status);
}

}  // namespace garage
