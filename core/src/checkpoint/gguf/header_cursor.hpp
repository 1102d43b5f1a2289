// HeaderCursor: a GGUF file's header from its begin onwards, in pieces. It may have many MB, of which little is kept:
// the texts of a vocabulary are passed over where they lie.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <xxhash.h>

#include "../../bytes/read_file.hpp"
#include "../../encoding/numbers.hpp"

namespace garage {

class HeaderCursor {
 public:
  static constexpr std::uint64_t kMaxHeader = 100'000'000;  // bytes; those of large vocabularies take some ten million

  // Both must outlive this. subject: what messages open with.
  HeaderCursor(const ReadFile& file, const std::string& subject);

  bool big_endian = false;  // how numbers are read from here on

  std::uint64_t at() const noexcept { return begin_ + taken_; }        // bytes that were taken
  std::uint64_t left() const noexcept { return file_.size() - at(); }  // bytes of the file that were not
  std::uint64_t digest();                                              // xxh3 of all that were taken

  // what: the thing to which the bytes belong, for the message. Throws kCorrupt where the file ends before its end, or
  // the header has more than kMaxHeader bytes.
  template <class T>
  T number(std::string_view what) {
    const auto* bytes = take(sizeof(T), what);
    return big_endian ? load_swapped<T>(bytes) : load<T>(bytes);
  }
  // A uint64, and so many bytes.
  std::string text(std::string_view what);
  // The same, which names something: kCorrupt also where it is empty, has more than 65,535 bytes or is not UTF-8.
  std::string name(std::string_view what);
  void skip(std::uint64_t bytes, std::string_view what) {
    if (bytes <= piece_.size() - taken_) taken_ += static_cast<std::size_t>(bytes);
    else skip_pieces(bytes, what);
  }

  // Throws kCorrupt: the subject and the fault.
  [[noreturn]] void fail(const std::string& fault) const;

 private:
  const std::uint8_t* take(std::size_t bytes, std::string_view what) {  // some bytes: fewer than any piece has
    if (bytes > piece_.size() - taken_) next_piece(bytes, what);
    const auto* at = reinterpret_cast<const std::uint8_t*>(piece_.data()) + taken_;
    taken_ += bytes;
    return at;
  }
  // The next piece begins at `at`, and has that many bytes at least.
  void next_piece(std::size_t bytes, std::string_view what);
  void require(std::uint64_t bytes, std::string_view what) const;
  void skip_pieces(std::uint64_t bytes, std::string_view what);
  std::string_view take_some(std::uint64_t at_most, std::string_view what);

  const ReadFile& file_;
  const std::string& subject_;
  std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> hash_;
  std::string piece_;
  std::uint64_t begin_ = 0;  // of the piece
  std::size_t taken_ = 0;    // of the piece
};

}  // namespace garage
