#include "header_cursor.hpp"

#include <algorithm>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "../../text/utf8.hpp"

namespace garage {
namespace {

constexpr std::uint64_t kLongestName = 65'535;  // bytes: what a key may have, by the format's description
// Of a small header little is read that does not belong to it; a large one is read in few pieces.
constexpr std::uint64_t kFirstPiece = 1 << 12, kLargestPiece = 1 << 18;  // bytes

}  // namespace

HeaderCursor::HeaderCursor(const ReadFile& file, const std::string& subject)
    : file_(file), subject_(subject), hash_(XXH3_createState(), &XXH3_freeState) {
  XXH3_64bits_reset(hash_.get());
}

std::uint64_t HeaderCursor::digest() {
  next_piece(0, "");
  return XXH3_64bits_digest(hash_.get());
}

std::string HeaderCursor::text(std::string_view what) {
  const auto bytes = number<std::uint64_t>(what);
  require(bytes, what);
  std::string text;
  while (text.size() < bytes) text += take_some(bytes - text.size(), what);
  return text;
}

std::string HeaderCursor::name(std::string_view what) {
  auto name = text(what);
  if (name.empty()) fail(fmt::format("{} has an empty name", what));
  if (name.size() > kLongestName)
    fail(fmt::format("{} has a name of {} bytes, at most {} are allowed", what, name.size(), kLongestName));
  if (!is_utf8(name)) fail(fmt::format("{} has a name that is not UTF-8: '{}'", what, utf8_label(name)));
  return name;
}

void HeaderCursor::skip_pieces(std::uint64_t bytes, std::string_view what) {
  require(bytes, what);
  while (bytes > 0) bytes -= take_some(bytes, what).size();
}

void HeaderCursor::fail(const std::string& fault) const {
  throw Error(Errc::kCorrupt, fmt::format("{}: {}", subject_, fault));
}

void HeaderCursor::require(std::uint64_t bytes, std::string_view what) const {
  if (bytes > left())
    fail(fmt::format("{} needs {} bytes from byte {} on, the file has {} there: it is cut off, or broken", what, bytes,
                     at(), left()));
  if (bytes > kMaxHeader - std::min(kMaxHeader, at()))
    fail(fmt::format("{} needs {} bytes from byte {} on, and of a header at most {} are read", what, bytes, at(),
                     kMaxHeader));
}

void HeaderCursor::next_piece(std::size_t bytes, std::string_view what) {
  require(bytes, what);
  XXH3_64bits_update(hash_.get(), piece_.data(), taken_);
  begin_ = at();
  taken_ = 0;
  piece_.clear();
  if (bytes > 0) piece_ = file_.read(begin_, std::min(std::clamp(begin_, kFirstPiece, kLargestPiece), left()));
}

std::string_view HeaderCursor::take_some(std::uint64_t at_most, std::string_view what) {
  if (taken_ == piece_.size()) next_piece(1, what);
  const auto some = std::string_view(piece_).substr(taken_, at_most);
  taken_ += some.size();
  return some;
}

}  // namespace garage
