#include "read_file.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage {

bool is_there(const std::filesystem::path& path) {
  std::error_code code;
  const auto status = std::filesystem::status(path, code);
  if (status.type() == std::filesystem::file_type::none)
    throw Error(Errc::kIo, fmt::format("{}: cannot be looked at: {}", path.string(), code.message()));
  return std::filesystem::exists(status);
}

ReadFile::ReadFile(const std::filesystem::path& path)
    // O_NONBLOCK: opening a pipe without a writer must not hang.
    : ReadFile(path, ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}

ReadFile::ReadFile(const std::filesystem::path& path, int descriptor) : path_(path.string()), descriptor_(descriptor) {
  if (descriptor_ < 0)
    throw Error(errno == ENOENT || errno == ENOTDIR ? Errc::kNotFound : Errc::kIo,
                fmt::format("{}: cannot be opened: {}", path_, std::strerror(errno)));
  struct stat status {};
  const bool known = ::fstat(descriptor_, &status) == 0;
  if (!known || !S_ISREG(status.st_mode)) {
    ::close(descriptor_);
    throw Error(Errc::kIo, fmt::format("{}: is no regular file", path_));
  }
  size_ = static_cast<std::uint64_t>(status.st_size);
}

ReadFile::~ReadFile() { ::close(descriptor_); }

void ReadFile::read(std::uint64_t offset, std::span<char> bytes) const {
  for (std::size_t done = 0; done < bytes.size();) {
    const auto got = ::pread(descriptor_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Error(Errc::kIo, fmt::format("{}: cannot be read: {}", path_, std::strerror(errno)));
    if (got == 0)
      throw Error(Errc::kIo, fmt::format("{}: ends after {} bytes, {} were there when it was opened", path_,
                                         offset + done, size_));
    done += static_cast<std::size_t>(got);
  }
}

std::string ReadFile::read(std::uint64_t offset, std::uint64_t count) const {
  std::string bytes(count, '\0');
  read(offset, bytes);
  return bytes;
}

std::string read_text_file(const std::filesystem::path& path, std::uint64_t limit) {
  const ReadFile file(path);
  if (file.size() > limit)
    throw Error(Errc::kCorrupt,
                fmt::format("{}: has {} bytes, at most {} are read", path.string(), file.size(), limit));
  return file.read(0, file.size());
}

std::optional<std::string> text_if_there(const std::filesystem::path& path, std::uint64_t limit) {
  try {
    return read_text_file(path, limit);
  } catch (const Error& error) {
    if (error.code() == Errc::kNotFound) return std::nullopt;
    throw;
  }
}

}  // namespace garage
