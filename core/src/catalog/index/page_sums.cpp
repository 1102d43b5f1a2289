// A file of sums, in the byte order of the machine:
//
//   8 bytes        hash of all that follows
//   8 bytes each   hash of a page, seeded with its number: two pages that changed places are both wrong
#include "page_sums.hpp"

#include <span>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

namespace garage {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kWord = sizeof(std::uint64_t);
constexpr std::size_t kMostPages = std::size_t{1} << 22;  // of 64 GiB: what claims more is not read

std::uint64_t sum_of(std::size_t page, const char* content) {
  return XXH3_64bits_withSeed(content, PageSums::kPageSize, page);
}

std::uint64_t sum_of(std::span<const std::uint64_t> sums) { return XXH3_64bits(sums.data(), sums.size_bytes()); }

class OpenFile {
 public:
  // What is no regular file is not opened, or fails to be read; a pipe is not waited for.
  OpenFile(const fs::path& file, int how, mode_t rights = 0)
      : descriptor_(::open(file.c_str(), how | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, rights)) {}
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() { close(); }

  operator int() const { return descriptor_; }
  bool close() {
    const int was = descriptor_;
    descriptor_ = -1;
    return was >= 0 && ::close(was) == 0;
  }

 private:
  int descriptor_;
};

// The sums in the file, when it is whole and the first is this one; else none.
std::vector<std::uint64_t> read_sums(const fs::path& path, std::uint64_t first) {
  const OpenFile file(path, O_RDONLY);
  std::uint64_t head[2];
  struct stat status {};
  if (::pread(file, head, sizeof head, 0) != sizeof head || head[1] != first || ::fstat(file, &status) != 0) return {};
  const auto count = static_cast<std::size_t>(status.st_size) / kWord - 1;
  if (static_cast<std::size_t>(status.st_size) % kWord != 0 || count > kMostPages) return {};
  std::vector<std::uint64_t> sums(count);
  const auto read = ::pread(file, sums.data(), count * kWord, kWord);
  if (read != static_cast<ssize_t>(count * kWord) || sum_of(sums) != head[0] || sums[0] != first) return {};
  return sums;
}

}  // namespace

PageSums::PageSums(const fs::path& database) : database_(database), files_(files_of(database)) {}

std::array<fs::path, 2> PageSums::files_of(const fs::path& database) {
  return {database.native() + "-sums0", database.native() + "-sums1"};
}

void PageSums::load(const char* first_page) {
  const auto first_sum = sum_of(0, first_page);
  if (!sums_.empty() && sums_.front() == first_sum) return;
  loaded_first_ = first_sum;
  for (loaded_from_ = 0; loaded_from_ < files_.size(); ++loaded_from_)
    if (sums_ = read_sums(files_[loaded_from_], loaded_first_); !sums_.empty()) return;
}

void PageSums::clear() {
  sums_.clear();
  loaded_from_ = 1;
  loaded_first_ = 0;
}

bool PageSums::is_known(std::size_t page, const char* content) const {
  return page < sums_.size() && sums_[page] == sum_of(page, content);
}

void PageSums::put(std::size_t page, const char* content) {
  // A page that was passed over is a hole in the file.
  static const std::vector<char> kHole(kPageSize);
  while (sums_.size() < page) sums_.push_back(sum_of(sums_.size(), kHole.data()));
  if (sums_.size() == page) sums_.emplace_back();
  sums_[page] = sum_of(page, content);
}

bool PageSums::save(std::size_t pages) {
  if (sums_.empty() || sums_[0] == loaded_first_) return true;
  sums_.resize(std::min(pages, sums_.size()));
  const auto& path = files_[loaded_from_ == 0 ? 1 : 0];
  struct stat status {};
  const bool is_new = ::access(path.c_str(), F_OK) != 0 && ::stat(database_.c_str(), &status) == 0;
  OpenFile file(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  if (is_new) ::fchmod(file, status.st_mode & 0666);  // who may write the one may write the other
  const auto head = sum_of(sums_);
  const auto size = static_cast<ssize_t>(sums_.size() * kWord);
  return ::write(file, &head, kWord) == static_cast<ssize_t>(kWord) && ::write(file, sums_.data(), size) == size &&
         file.close();
}

}  // namespace garage
