// The layout (AutoAWQ: awq/modules/linear/gemm.py, from_linear; awq/utils/packing_utils.py, dequantize_gemm):
//
//   qweight  words of 32 bits, each eight rows of the tensor at one column: of neighbours 0 to 7 number 0 lies in the
//            lowest 4 bits, then 2, 4, 6, 1, 3, 5, 7
//   qzeros   the same
//   number   (stored - zero) * scale
#include "awq.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "../numbers.hpp"
#include "column_order.hpp"
#include "column_packed.hpp"
#include "piece_sizes.hpp"

namespace garage {
namespace {

constexpr std::int64_t kInWord = 8;
constexpr std::array<unsigned, kInWord> kShifts = {0, 16, 4, 20, 8, 24, 12, 28};  // of each neighbour

// The numbers of rows first to first + count, out of the words of one column, which begin with row 0's.
template <class Number>
void unpack_words(const std::uint8_t* words, std::int64_t first, std::int64_t count, Number* numbers) noexcept {
  for (std::int64_t i = 0; i < count;) {
    const auto word = load<std::uint32_t>(words + (first + i) / kInWord * 4);
    const auto end = std::min(count, i + kInWord - (first + i) % kInWord);
    for (auto k = static_cast<std::size_t>((first + i) % kInWord); i < end; ++i, ++k)
      numbers[i] = static_cast<Number>(word >> kShifts[k] & 15);
  }
}

// The same of each line's words, U8 [count, lines]. Byte 2 * odd + upper of a word has neighbour 4 * upper + odd in its
// lower half, and the second next in its higher.
Array unpacked_rows(const Array& words, const Array& halves, std::int64_t first, std::int64_t count) {
  const auto lines = words.shape()[0], from = first / kInWord, some = groups_of(first + count, kInWord) - from;
  const auto bytes = words.narrow(1, from, some).transpose(0, 3).transpose(0, 1);  // [some, upper, odd, lines]
  const auto numbers = (bytes.view({some * 2, 1, 2, lines}) >> halves) & 15;       // [some * upper, half, odd, lines]
  return numbers.view({some * kInWord, lines}).narrow(0, first - from * kInWord, count);
}

class Awq : public ColumnPacked {
 public:
  Awq(std::int64_t group_size, DType scales) : ColumnPacked(4, scales), group_size_(group_size), scales_(scales) {}

  std::string_view name() const noexcept override { return "AWQ int4"; }

 private:
  void check(const Shape& shape, std::span<const Piece> pieces) const override {
    const auto rows = shape[0];
    require_sizes(name(), pieces,
                  {shape[1] * (rows / 2), groups(shape) * (rows / 2), groups(shape) * rows * bits(scales_) / 8});
  }

  std::int64_t groups(const Shape& shape) const noexcept override { return groups_of(shape[1], group_size_); }

  std::vector<std::int32_t> columns(const Shape& shape, std::span<const Piece>) const override {
    return groups_in_a_row(shape[1], group_size_);
  }

  void unpack(Piece packed, const Part& part, std::int32_t* numbers) const noexcept override {
    for (std::int64_t column = 0; column < part.column_count; ++column, numbers += kRows) {
      const auto* words = packed.data() + (part.column + column) * (part.rows / 2);
      unpack_words(words, part.row, part.row_count, numbers);
    }
  }

  void zeros(Piece packed, std::int64_t group, const Part& part, float* zeros) const noexcept override {
    unpack_words(packed.data() + group * (part.rows / 2), part.row, part.row_count, zeros);
  }

  UnpackedRows unpacked_there(const Shape& shape, const Array& packed) const override {
    return rows_there(packed, shape[1], shape[0]);
  }

  UnpackedRows zeros_there(const Shape& shape, const Array& packed) const override {
    return rows_there(packed, groups(shape), shape[0]);
  }

  static UnpackedRows rows_there(const Array& packed, std::int64_t lines, std::int64_t rows) {
    constexpr std::array<std::uint8_t, 2> kHalves = {0, 4};
    return [words = packed.view({lines, rows / kInWord, 2, 2}),
            halves = packed.constant(std::span<const std::uint8_t>(kHalves), {2, 1, 1})](
               std::int64_t first, std::int64_t count) { return unpacked_rows(words, halves, first, count); };
  }

  std::int64_t group_size_;
  DType scales_;
};

}  // namespace

std::shared_ptr<const Encoding> awq(std::int64_t group_size, DType scales) {
  return std::make_shared<Awq>(group_size, scales);
}

}  // namespace garage
