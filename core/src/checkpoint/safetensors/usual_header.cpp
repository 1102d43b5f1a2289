#include "usual_header.hpp"

#include <cstring>

namespace garage {
namespace {

constexpr std::size_t kMostDigits = 18;      // of a number that 63 bits count
constexpr std::size_t kMetadataSize = 4096;  // bytes; of more the limit is HeaderEvents' affair
constexpr std::size_t kUsualRank = 8;
constexpr std::size_t kEntrySize = 100;  // bytes; most take somewhat more

// Each step is past what it has read, or answers that something else is there. After that nothing is read any more.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  bool spaces() {
    while (at_ != end_ && *at_ == ' ') ++at_;
    return true;
  }
  bool is_at_end() const { return at_ == end_; }

  // Spaces before it, too.
  bool mark(char c) {
    spaces();
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }

  bool string(std::string_view& out) {
    if (!mark('"')) return false;
    const auto* end = static_cast<const char*>(std::memchr(at_, '"', left()));
    if (!end) return false;
    out = {at_, static_cast<std::size_t>(end - at_)};
    at_ = end + 1;
    return is_plain(out);
  }

  bool key(std::string_view quoted) {
    spaces();
    if (!std::string_view(at_, left()).starts_with(quoted)) return false;
    at_ += quoted.size();
    return mark(':');
  }

  bool number(std::uint64_t& out) {
    spaces();
    const auto* begin = at_;
    for (out = 0; at_ != end_ && *at_ >= '0' && *at_ <= '9'; ++at_)
      out = 10 * out + static_cast<std::uint64_t>(*at_ - '0');
    const auto digits = static_cast<std::size_t>(at_ - begin);
    return digits > 0 && digits <= kMostDigits && (*begin != '0' || digits == 1);
  }

  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }

 private:
  // Whether each character stands for itself. All are looked at, which is quicker than to look for the first.
  static bool is_plain(std::string_view text) {
    bool is_other = false;
    for (const auto c : text) is_other |= c < 0x20 || c >= 0x7F || c == '\\';
    return !is_other;
  }

  const char* at_;
  const char* end_;
};

bool read_shape(Scanner& scan, RawEntry& entry) {
  if (!scan.mark('[')) return false;
  std::uint64_t dims[kUsualRank];
  std::size_t rank = 0;
  if (!scan.mark(']')) {
    do {
      if (rank == kUsualRank || !scan.number(dims[rank++])) return false;
    } while (scan.mark(','));
    if (!scan.mark(']')) return false;
  }
  entry.shape.emplace(dims, dims + rank);
  return true;
}

bool read_entry(Scanner& scan, RawEntry& entry) {
  std::string_view dtype;
  std::uint64_t begin = 0, end = 0;
  if (!(scan.mark('{') && scan.key("\"dtype\"") && scan.string(dtype) && scan.mark(',') && scan.key("\"shape\"") &&
        read_shape(scan, entry) && scan.mark(',') && scan.key("\"data_offsets\"") && scan.mark('[') &&
        scan.number(begin) && scan.mark(',') && scan.number(end) && scan.mark(']') && scan.mark('}')))
    return false;
  entry.dtype.emplace(dtype);
  entry.offsets.emplace(begin, end);
  return true;
}

bool read_metadata(Scanner& scan, HeaderText& header) {
  const auto before = scan.left();
  const auto is_small = [&] { return before - scan.left() <= kMetadataSize; };
  if (!header.metadata.empty() || !scan.mark('{')) return false;
  do {
    std::string_view key, value;
    if (!scan.string(key) || !scan.mark(':') || !scan.string(value)) return false;
    header.metadata.emplace_back(key, value);
  } while (is_small() && scan.mark(','));
  return is_small() && scan.mark('}');
}

}  // namespace

std::optional<HeaderText> read_usual_header(std::string_view text) {
  HeaderText header;
  header.entries.reserve(text.size() / kEntrySize);
  Scanner scan(text);
  if (!scan.mark('{')) return std::nullopt;
  do {
    std::string_view name;
    if (!scan.string(name) || !scan.mark(':')) return std::nullopt;
    if (name == "__metadata__") {
      if (!read_metadata(scan, header)) return std::nullopt;
    } else {
      auto& entry = header.entries.emplace_back();
      entry.name = name;
      if (!read_entry(scan, entry)) return std::nullopt;
    }
  } while (scan.mark(','));
  return scan.mark('}') && scan.spaces() && scan.is_at_end() ? std::optional(std::move(header)) : std::nullopt;
}

}  // namespace garage
