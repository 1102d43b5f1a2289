// Decodes whatever is encoded, from buffers that end where its pieces do: what reads beyond them is a finding.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "checkpoint/contents.hpp"

namespace garage::fuzz {

inline constexpr std::uint64_t kMostDecoded = 1 << 20;  // bytes, and numbers, of one tensor

// pattern: what the pieces hold, again and again.
inline void decode_all(const Contents& contents, std::string_view pattern) {
  for (const auto& [info, stored] : contents.tensors) {
    std::uint64_t bytes = 0;
    for (const auto& extent : stored.extents) bytes += extent.size;
    if (!stored.encoding || info.elements() == 0 || bytes > kMostDecoded ||
        static_cast<std::uint64_t>(info.elements()) > kMostDecoded)
      continue;
    std::vector<std::unique_ptr<std::uint8_t[]>> held;
    std::vector<Encoding::Piece> pieces;
    for (const auto& extent : stored.extents) {
      auto& piece = held.emplace_back(new std::uint8_t[extent.size]);
      for (std::uint64_t i = 0; i < extent.size; ++i)
        piece[i] = pattern.empty() ? 0 : static_cast<std::uint8_t>(pattern[i % pattern.size()]);
      pieces.emplace_back(piece.get(), extent.size);
    }
    const auto rows = rows_of(info.shape);
    std::vector<float> out(static_cast<std::size_t>(rows.columns));
    for (std::int64_t row = 0; row < rows.count; row += 1 + rows.count / 7)
      stored.encoding->decode(info.shape, pieces, row, 1, out.data());
  }
}

}  // namespace garage::fuzz
