// UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace garage {

// How a text begins: with a whole character, or with bytes that are none. Of those the longest that might have become
// one, or a single byte: what one U+FFFD stands for (The Unicode Standard, 3.9, 'U+FFFD Substitution of Maximal
// Subparts').
struct Utf8Start {
  std::size_t bytes;
  bool is_character;
};
// Requires: a text that is not empty.
Utf8Start utf8_start(std::string_view text) noexcept;

// How many bytes of it, from its begin, are UTF-8.
std::size_t utf8_size(std::string_view text) noexcept;
inline bool is_utf8(std::string_view text) noexcept { return utf8_size(text) == text.size(); }

// For people to read: each byte that is not UTF-8 as %XX.
std::string utf8_label(std::string_view text);

}  // namespace garage
