// The layout (transformers 5.12: integrations/mxfp4.py, convert_moe_packed_tensors; OCP Microscaling Formats 1.0):
//
//   blocks  along each column of the tensor, 32 numbers E2M1 to a block, two in a byte, the first in the lower bits
//   scales  one for each block: 2^(n - 127)
//   number  stored * scale, as ldexp has it: also where 2^128 itself is beyond float32
#include "mxfp4_experts.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "../readers.hpp"
#include "piece_sizes.hpp"

namespace garage {
namespace {

constexpr std::int64_t kBlock = 32;  // numbers
// Unpacked at once. So many blocks of a column lie in 64 bytes, which is what a processor fetches.
constexpr std::int64_t kRows = 4 * kBlock, kColumns = 32;

// Each number twice as large, and each scale half as large: these are all finite.
constexpr std::array<float, 16> kTwice = {0, 1, 2, 3, 4, 6, 8, 12, -0.F, -1, -2, -3, -4, -6, -8, -12};
const auto kHalfScales = numbers_of_bytes([](std::uint8_t exponent) { return std::ldexp(1.0F, exponent - 128); });

class Mxfp4Experts : public Encoding {
 public:
  std::string_view name() const noexcept override { return "MXFP4"; }

  void decode(const Shape& shape, std::span<const Piece> pieces, std::int64_t first, std::int64_t count,
              float* out) const override {
    const auto rows = shape[1], columns = shape[2];
    check(shape, pieces);
    while (count > 0) {  // none of these strips goes on in the next expert
      const auto expert = first / rows, row = first % rows, here = std::min({count, kRows - row % kRows, rows - row});
      const auto blocks_of_column = rows / kBlock;
      decode_strip(pieces, {expert * columns * blocks_of_column, blocks_of_column, row, here}, columns, out);
      first += here;
      count -= here;
      out += here * columns;
    }
  }

  OnDevice on_device(const Shape& shape, std::span<const Piece> pieces, std::span<const Array> there) const override {
    check(shape, pieces);
    const auto rows = shape[1], columns = shape[2], of_column = rows / kBlock;
    constexpr std::array<std::uint8_t, 2> kHalves = {0, 4};
    const auto decoded = [=, bytes = there[0].view({shape[0], columns, of_column * kBlock / 2}),
                          exponents = there[1].view({shape[0], columns, of_column}),
                          halves = there[0].constant(std::span<const std::uint8_t>(kHalves), {2, 1}),
                          twice = there[0].constant(std::span<const float>(kTwice)),
                          read_scales = reader_of_bytes(kHalfScales, there[1])](std::int64_t first,
                                                                                std::int64_t count) {
      const auto expert = first / rows, experts = groups_of(first + count, rows) - expert;
      // Of one expert only the blocks that are asked for.
      const auto block = experts == 1 ? first % rows / kBlock : 0;
      const auto blocks = experts == 1 ? groups_of(first % rows + count, kBlock) - block : of_column;
      // The bytes are turned while they are few: [experts, columns, blocks ...] -> [all blocks, ..., columns].
      const auto turned = [&](const Array& stored, std::int64_t of_block) {
        const auto some = stored.narrow(0, expert, experts).narrow(2, block * of_block, blocks * of_block);
        return some.transpose(1, 2)
            .view({experts * blocks * of_block * columns})
            .view({experts * blocks, of_block, 1, columns});
      };
      const auto numbers = twice.at(((turned(bytes, kBlock / 2) >> halves) & 15).to(Array::Type::kI32));
      const auto scales = read_scales(turned(exponents, 1));
      return (numbers * scales)
          .view({experts * blocks * kBlock, columns})
          .narrow(0, first - expert * rows - block * kBlock, count);
    };
    return {.rows = decoded, .together = rows};  // of several experts, all rows
  }

 private:
  static void check(const Shape& shape, std::span<const Piece> pieces) {
    const auto blocks = shape[0] * shape[2] * (shape[1] / kBlock);
    require_sizes("MXFP4", pieces, {blocks * (kBlock / 2), blocks});
  }

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
