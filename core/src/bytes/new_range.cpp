#include "new_range.hpp"

#include <algorithm>
#include <cstring>
#include <new>

namespace garage {
namespace {

constexpr std::size_t kHeld = 1 << 20;  // bytes: of fewer, a disk takes longer than of more

std::size_t whole_blocks(std::size_t bytes) noexcept { return bytes - bytes % NewFile::kBlock; }

}  // namespace

NewRange::NewRange(NewFile& file, std::uint64_t offset)
    : file_(file),
      held_(static_cast<char*>(std::aligned_alloc(NewFile::kBlock, kHeld))),
      offset_(offset - offset % NewFile::kBlock),
      first_(static_cast<std::size_t>(offset % NewFile::kBlock)),
      end_(first_) {
  if (!held_) throw std::bad_alloc();
}

std::size_t NewRange::left() const noexcept { return kHeld - end_; }

void NewRange::took(std::size_t bytes) {
  end_ += bytes;
  if (left() == 0) flush();
}

void NewRange::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto some = std::min(bytes.size(), left());
    std::memcpy(held_.get() + end_, bytes.data(), some);
    bytes.remove_prefix(some);
    took(some);
  }
}

void NewRange::copy(const ReadFile& from, std::uint64_t offset, std::uint64_t count) {
  if (!file_.is_direct()) {
    flush();
    file_.copy_at(offset_ + first_, from, offset, count);
    const auto at = offset_ + first_ + count;
    offset_ = at - at % NewFile::kBlock;
    first_ = end_ = static_cast<std::size_t>(at % NewFile::kBlock);
    return;
  }
  while (count > 0) {
    const auto some = static_cast<std::size_t>(std::min<std::uint64_t>(count, left()));
    from.read(offset, {held_.get() + end_, some});
    offset += some;
    count -= some;
    took(some);
  }
}

void NewRange::flush() {
  const std::string_view all(held_.get(), end_);
  const auto begin = std::min(end_, whole_blocks(first_ + NewFile::kBlock - 1));
  const auto middle = std::max(begin, whole_blocks(end_));
  file_.write_at(offset_ + first_, all.substr(first_, begin - first_));
  file_.write_blocks_at(offset_ + begin, all.substr(begin, middle - begin));
  file_.write_at(offset_ + middle, all.substr(middle));
  offset_ += whole_blocks(end_);
  first_ = end_ = end_ % NewFile::kBlock;
}

}  // namespace garage
