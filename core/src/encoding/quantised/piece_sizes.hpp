// What an encoding's pieces must measure, so that no reader goes beyond them.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

#include <garage/encoding.hpp>

namespace garage {

// Throws kCorrupt: another number of pieces, or one that has other than so many bytes.
void require_sizes(std::string_view encoding, std::span<const Encoding::Piece> pieces,
                   std::span<const std::int64_t> bytes);
inline void require_sizes(std::string_view encoding, std::span<const Encoding::Piece> pieces,
                          std::initializer_list<std::int64_t> bytes) {
  require_sizes(encoding, pieces, std::span(bytes.begin(), bytes.size()));
}

// How many whole groups of so many hold them. Requires: 0 <= count, 0 < size.
constexpr std::int64_t groups_of(std::int64_t count, std::int64_t size) noexcept {
  return count / size + (count % size != 0);
}

}  // namespace garage
