#include <garage/mapped_file.hpp>

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "lost_pages.hpp"

namespace garage {

MappedFile::MappedFile(const std::filesystem::path& path, const std::optional<FileStamp>& version)
    : path_(path.string()) {
  const auto refuse = [&](Errc code, const std::string& why) {
    if (descriptor_ >= 0) ::close(descriptor_);
    throw Error(code, fmt::format("{}: {}", path_, why));
  };
  const auto fail = [&](const char* what, int code) {
    refuse(code == ENOENT ? Errc::kNotFound : Errc::kIo, fmt::format("cannot be {}: {}", what, std::strerror(code)));
  };
  descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor_ < 0) fail("opened", errno);
  const auto stamp = stamp_of(descriptor_);
  if (!stamp) fail("looked at", errno);
  stamp_ = *stamp;
  if (version && stamp_ != *version)
    refuse(Errc::kCorrupt, "was written to since its header was read; get the part again");
  // Private and writable: neither torch nor an old DLPack has read-only tensors, and a write must never reach the file.
  address_ = ::mmap(nullptr, stamp_.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, descriptor_, 0);
  if (address_ == MAP_FAILED) fail("mapped", errno);
  lost_ = std::make_unique<LostPages>(address_, stamp_.size);
}

MappedFile::~MappedFile() {
  lost_.reset();
  ::munmap(address_, stamp_.size);
  ::close(descriptor_);
}

std::uint8_t* MappedFile::bytes(std::uint64_t offset, std::uint64_t size) const {
  if (offset > stamp_.size || size > stamp_.size - offset)
    throw Error(Errc::kCorrupt,
                fmt::format("{}: has {} bytes, bytes {} to {} are wanted", path_, stamp_.size, offset, offset + size));
  return static_cast<std::uint8_t*>(address_) + offset;
}

bool MappedFile::holds(const void* address) const noexcept {
  const auto* begin = static_cast<const char*>(address_);
  return address >= begin && address < begin + stamp_.size;
}

std::uint64_t MappedFile::offset_of(const void* address) const noexcept {
  return static_cast<std::uint64_t>(static_cast<const char*>(address) - static_cast<const char*>(address_));
}

void MappedFile::read(std::uint64_t offset, std::uint64_t size, std::uint8_t* out) const {
  while (size > 0) {
    const auto got = ::pread(descriptor_, out, size, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Error(Errc::kIo, fmt::format("{}: cannot be read: {}", path_, std::strerror(errno)));
    if (got == 0) {
      require_unchanged();
      throw Error(Errc::kCorrupt, fmt::format("{}: ends before byte {}", path_, offset + size));
    }
    offset += static_cast<std::uint64_t>(got);
    size -= static_cast<std::uint64_t>(got);
    out += got;
  }
}

void MappedFile::forget() const noexcept { ::madvise(address_, stamp_.size, MADV_DONTNEED); }

void MappedFile::require_unchanged() const {
  const auto now = stamp_of(descriptor_);
  if (now && now->size < stamp_.size)
    throw Error(Errc::kCorrupt, fmt::format("{}: was cut off from {} to {} bytes while a part of it was in use; get "
                                            "the part again once the file is whole",
                                            path_, stamp_.size, now->size));
  if (!now || now->size != stamp_.size || now->modified_ns != stamp_.modified_ns || lost_->any())
    throw Error(Errc::kCorrupt,
                fmt::format("{}: was written to while a part of it was in use; get the part again", path_));
}

}  // namespace garage
