// The layout (transformers 5.12: integrations/mxfp4.py, convert_moe_packed_tensors; OCP Microscaling Formats 1.0):
//
//   blocks  along each column of the tensor, 32 numbers E2M1 to a block, two in a byte, the first in the lower bits
//   scales  one for each block: 2^(n - 127)
//   number  stored * scale, as ldexp has it: also where 2^128 itself is beyond float32
#include "mxfp4_experts.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "piece_sizes.hpp"

namespace garage {
namespace {

constexpr std::int64_t kBlock = 32;  // numbers
// Unpacked at once. So many blocks of a column lie in 64 bytes, which is what a processor fetches.
constexpr std::int64_t kRows = 4 * kBlock, kColumns = 32;

// Each number twice as large, and each scale half as large: these are all finite.
constexpr std::array<float, 16> kTwice = {0, 1, 2, 3, 4, 6, 8, 12, -0.F, -1, -2, -3, -4, -6, -8, -12};
const std::array<float, 256> kHalfScales = [] {
  std::array<float, 256> scales{};
  for (std::size_t i = 0; i < scales.size(); ++i) scales[i] = std::ldexp(1.0F, static_cast<int>(i) - 128);
  return scales;
}();

class Mxfp4Experts : public Encoding {
 public:
  std::string_view name() const noexcept override { return "MXFP4"; }

  void decode(const Shape& shape, std::span<const Piece> pieces, std::int64_t first, std::int64_t count,
              float* out) const override {
    const auto rows = shape[1], columns = shape[2], blocks = shape[0] * columns * (rows / kBlock);
    require_sizes(name(), pieces, {blocks * (kBlock / 2), blocks});
    while (count > 0) {  // none of these strips goes on in the next expert
      const auto expert = first / rows, row = first % rows, here = std::min({count, kRows - row % kRows, rows - row});
      const auto blocks_of_column = rows / kBlock;
      decode_strip(pieces, {expert * columns * blocks_of_column, blocks_of_column, row, here}, columns, out);
      first += here;
      count -= here;
      out += here * columns;
    }
  }

 private:
  struct Strip {
    std::int64_t first_block;     // of the expert
    std::int64_t blocks;          // of each column
    std::int64_t row, row_count;  // of the expert; at most kRows
  };

  static void decode_strip(std::span<const Piece> pieces, const Strip& strip, std::int64_t columns,
                           float* out) noexcept {
    float results[kRows * kColumns];
    for (std::int64_t column = 0; column < columns; column += kColumns) {
      const auto here = std::min(kColumns, columns - column);
      for (std::int64_t i = 0; i < here; ++i)
        unpack(pieces, strip.first_block + (column + i) * strip.blocks, strip, results + i);
      for (std::int64_t row = 0; row < strip.row_count; ++row)
        std::copy_n(results + row * kColumns, here, out + row * columns + column);
    }
  }

  // The strip's numbers of one column, whose blocks begin there; each kColumns after the one before.
  static void unpack(std::span<const Piece> pieces, std::int64_t blocks, const Strip& strip, float* results) noexcept {
    const auto end = strip.row + strip.row_count;
    for (auto row = strip.row; row < end;) {
      const auto block = blocks + row / kBlock, begin = row / kBlock * kBlock;
      const auto* bytes = pieces[0].data() + block * (kBlock / 2);
      const auto scale = kHalfScales[pieces[1][static_cast<std::size_t>(block)]];
      const auto block_end = std::min(end, begin + kBlock);
      auto at = static_cast<unsigned>(row - begin);
      for (; row < block_end; ++row, ++at, results += kColumns)
        *results = kTwice[bytes[at / 2] >> (at % 2 * 4) & 15] * scale;
    }
  }
};

}  // namespace

std::shared_ptr<const Encoding> mxfp4_experts() {
  static const auto kOnly = std::make_shared<const Mxfp4Experts>();
  return kOnly;
}

}  // namespace garage
