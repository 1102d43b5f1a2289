// Which bytes may follow which, The Unicode Standard, table 3-7: after the first, all are 80..BF but for the second
// after
//
//   C2..DF  80..BF    of two bytes
//   E0      A0..BF    of three; ED 80..9F; the others of E1..EF 80..BF
//   F0      90..BF    of four; F4 80..8F; F1..F3 80..BF
#include "utf8.hpp"

#include <fmt/format.h>

namespace garage {

Utf8Start utf8_start(std::string_view text) noexcept {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto lead = at(0);
  if (lead < 0x80) return {1, true};
  if (lead < 0xC2 || lead > 0xF4) return {1, false};
  const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  const unsigned char lowest = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned char highest = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (text.size() < 2 || at(1) < lowest || at(1) > highest) return {1, false};
  for (std::size_t i = 2; i < size; ++i)
    if (i == text.size() || at(i) < 0x80 || at(i) > 0xBF) return {i, false};
  return {size, true};
}

std::size_t utf8_size(std::string_view text) noexcept {
  std::size_t size = 0;
  while (size < text.size()) {
    const auto start = utf8_start(text.substr(size));
    if (!start.is_character) break;
    size += start.bytes;
  }
  return size;
}

std::string utf8_label(std::string_view text) {
  std::string label;
  while (!text.empty()) {
    const auto start = utf8_start(text);
    for (const char c : text.substr(0, start.bytes))
      if (start.is_character) label += c;
      else label += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    text.remove_prefix(start.bytes);
  }
  return label;
}

}  // namespace garage
