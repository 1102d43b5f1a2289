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

class Awq : public ColumnPacked {
 public:
  Awq(std::int64_t group_size, DType scales) : ColumnPacked(scales), group_size_(group_size), scales_(scales) {}

  std::string_view name() const noexcept override { return "AWQ int4"; }

 private:
  void check(const Shape& shape, std::span<const Piece> pieces) const override {
    const auto rows = shape[0];
    require_sizes(name(), pieces,
                  {shape[1] * (rows / 2), groups(shape) * (rows / 2), groups(shape) * rows * bits(scales_) / 8});
  }

  std::int64_t groups(const Shape& shape) const noexcept override { return groups_of(shape[1], group_size_); }

  std::vector<std::int32_t> columns(const Shape& shape, std::span<const Piece>) const override {
    std::vector<std::int32_t> groups(static_cast<std::size_t>(shape[1]));
    for (std::size_t column = 0; column < groups.size(); ++column)
      groups[column] = static_cast<std::int32_t>(static_cast<std::int64_t>(column) / group_size_);
    return groups;
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

  std::int64_t group_size_;
  DType scales_;
};

}  // namespace

std::shared_ptr<const Encoding> awq(std::int64_t group_size, DType scales) {
  return std::make_shared<Awq>(group_size, scales);
}

}  // namespace garage
