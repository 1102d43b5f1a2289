// What is escaped besides control characters (general category Cc): of Cf the marks of bidirectional writing (UAX #9),
// the byte-order mark and the tag characters; U+2028 and U+2029, which end lines.
#include <garage/printable.hpp>

#include <algorithm>

#include <fmt/format.h>

#include "utf8.hpp"

namespace garage {
namespace {

char32_t decoded(std::string_view character) {
  const auto lead = static_cast<unsigned char>(character[0]);
  if (character.size() == 1) return lead;
  auto point = static_cast<char32_t>(lead & (0x7F >> character.size()));
  for (const char c : character.substr(1)) point = point << 6 | (static_cast<unsigned char>(c) & 0x3F);
  return point;
}

bool is_shown(char32_t point) {
  const auto within = [&](char32_t first, char32_t last) { return point >= first && point <= last; };
  return !(point < 0x20 || within(0x7F, 0x9F) || point == 0x61C || within(0x200E, 0x200F) || within(0x2028, 0x202E) ||
           within(0x2066, 0x2069) || point == 0xFEFF || within(0xE0000, 0xE007F));
}

std::string escaped(char32_t point) {
  if (point == '\n') return "\\n";
  if (point == '\r') return "\\r";
  if (point == '\t') return "\\t";
  if (point < 0x100) return fmt::format("\\x{:02x}", static_cast<unsigned>(point));
  if (point < 0x10000) return fmt::format("\\u{:04x}", static_cast<unsigned>(point));
  return fmt::format("\\U{:08x}", static_cast<unsigned>(point));
}

std::string all_printable(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const auto [bytes, is_character] = utf8_start(text);
    const auto start = text.substr(0, bytes);
    text.remove_prefix(bytes);
    if (!is_character) {
      for (const char c : start) shown += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else if (const auto point = decoded(start); is_shown(point)) {
      shown += start;
    } else {
      shown += escaped(point);
    }
  }
  return shown;
}

// Where no character is cut, at or before that place.
std::size_t boundary(std::string_view text, std::size_t at) {
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) --at;
  return at;
}

}  // namespace

bool is_printable(std::string_view text, std::size_t most) noexcept {
  return text.size() <= most && std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
}

std::string printable(std::string_view text, std::size_t most) {
  if (is_printable(text, most)) return std::string(text);
  if (text.size() <= most) return all_printable(text);
  // What a message says of a long name stands after it.
  const auto head = boundary(text, most * 2 / 3), tail = boundary(text, text.size() - most / 3);
  return fmt::format("{} … ({} bytes left out) … {}", all_printable(text.substr(0, head)), tail - head,
                     all_printable(text.substr(tail)));
}

}  // namespace garage
