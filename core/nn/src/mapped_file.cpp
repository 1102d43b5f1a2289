#include "mapped_file.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage::nn {

MappedFile::MappedFile(const std::filesystem::path& path) : path_(path.string()) {
  const auto fail = [&](const char* what, int code) {
    throw Error(code == ENOENT ? Errc::kNotFound : Errc::kIo,
                fmt::format("{}: cannot be {}: {}", path_, what, std::strerror(code)));
  };
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) fail("opened", errno);
  struct stat status {};
  if (::fstat(descriptor, &status) != 0 || status.st_size == 0) {
    ::close(descriptor);
    throw Error(Errc::kIo, fmt::format("{}: has nothing to map", path_));
  }
  size_ = static_cast<std::uint64_t>(status.st_size);
  // Private and writable: torch has no read-only tensors, and a write must never reach the file.
  address_ = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, descriptor, 0);
  const int code = errno;
  ::close(descriptor);
  if (address_ == MAP_FAILED) fail("mapped", code);
}

MappedFile::~MappedFile() { ::munmap(address_, size_); }

const std::uint8_t* MappedFile::bytes(std::uint64_t offset, std::uint64_t size) const {
  if (offset > size_ || size > size_ - offset)
    throw Error(Errc::kCorrupt,
                fmt::format("{}: has {} bytes, bytes {} to {} are wanted", path_, size_, offset, offset + size));
  return static_cast<const std::uint8_t*>(address_) + offset;
}

}  // namespace garage::nn
