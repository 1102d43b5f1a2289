// The layout (AutoGPTQ: auto_gptq/nn_modules/qlinear/qlinear_cuda.py, pack and forward;
// GPTQModel: gptqmodel/nn_modules/qlinear/__init__.py, pack_original and dequantize_weight):
//
//   qweight  words of 32 bits. Down each column lie the numbers of one row of the tensor, the first in the lowest bits,
//            without a gap: of 3 bits 32 numbers take 3 words, and two of them lie across a word's end.
//   qzeros   the same along each row, [groups, rows]
//   number   (stored - zero) * scale, both of the group that g_idx names, or of column / group_size
//
// Zeros that are stored less 1 get it back as GPTQModel gives it (utils/model.py, convert_gptq_v1_to_v2_format_module):
// of 2, 4 and 8 bits 1 is added in each place of the word as a whole, as it was subtracted when the file was written,
// so that a borrow runs back as it came; of 3 bits to each zero by itself, modulo 8.
#include "gptq.hpp"

#include <array>
#include <string_view>

#include "../numbers.hpp"
#include "column_order.hpp"
#include "column_packed.hpp"
#include "piece_sizes.hpp"

namespace garage {
namespace {

constexpr std::int64_t kWord = 32;  // bits

// 1 in the lowest of so many bits, as often as a word has room.
constexpr std::uint32_t ones(int bits) noexcept {
  return bits == 2 ? 0x55555555U : bits == 4 ? 0x11111111U : 0x01010101U;
}

class Gptq : public ColumnPacked {
 public:
  explicit Gptq(const GptqLayout& layout)
      : ColumnPacked(layout.scales), layout_(layout), mask_((1U << layout.bits) - 1) {}

  std::string_view name() const noexcept override {
    static constexpr std::array<std::string_view, 9> kNames = {"", "", "GPTQ int2", "GPTQ int3", "GPTQ int4",
                                                               "", "", "",          "GPTQ int8"};
    return kNames[static_cast<std::size_t>(layout_.bits)];
  }

 private:
  void check(const Shape& shape, std::span<const Piece> pieces) const override {
    const auto rows = shape[0], columns = shape[1], bits = std::int64_t{layout_.bits};
    const auto packed = columns * bits / 8 * rows, zeros = layout_.groups * (rows * bits / 8),
               scales = layout_.groups * rows * garage::bits(layout_.scales) / 8;
    if (layout_.has_order) require_sizes(name(), pieces, {packed, zeros, scales, columns * 4});
    else require_sizes(name(), pieces, {packed, zeros, scales});
  }

  std::int64_t groups(const Shape&) const noexcept override { return layout_.groups; }

  std::vector<std::int32_t> columns(const Shape& shape, std::span<const Piece> pieces) const override {
    if (layout_.has_order) return groups_in(name(), pieces[3], layout_.groups);
    std::vector<std::int32_t> groups(static_cast<std::size_t>(shape[1]));
    for (std::size_t column = 0; column < groups.size(); ++column)
      groups[column] = static_cast<std::int32_t>(static_cast<std::int64_t>(column) / layout_.group_size);
    return groups;
  }

  void unpack(Piece packed, const Part& part, std::int32_t* numbers) const noexcept override {
    for (std::int64_t column = 0; column < part.column_count; ++column, numbers += kRows) {
      const auto bit = (part.column + column) * layout_.bits;
      const auto* words = packed.data() + (bit / kWord * part.rows + part.row) * 4;
      const auto shift = static_cast<unsigned>(bit % kWord);
      if (shift + static_cast<unsigned>(layout_.bits) <= kWord) {
        for (std::int64_t row = 0; row < part.row_count; ++row)
          numbers[row] = static_cast<std::int32_t>(load<std::uint32_t>(words + row * 4) >> shift & mask_);
      } else {
        const auto* next = words + part.rows * 4;
        for (std::int64_t row = 0; row < part.row_count; ++row)
          numbers[row] = static_cast<std::int32_t>(
              (load<std::uint32_t>(words + row * 4) >> shift | load<std::uint32_t>(next + row * 4) << (kWord - shift)) &
              mask_);
      }
    }
  }

  void zeros(Piece packed, std::int64_t group, const Part& part, float* zeros) const noexcept override {
    const auto* words = packed.data() + group * (part.rows * layout_.bits / 8);
    const bool is_whole_word = layout_.bits != 3;
    const auto in_word = layout_.is_less_one && is_whole_word ? ones(layout_.bits) : 0U;
    const auto by_itself = layout_.is_less_one && !is_whole_word ? 1U : 0U;
    for (std::int64_t row = 0; row < part.row_count; ++row) {
      const auto bit = (part.row + row) * layout_.bits;
      const auto* word = words + bit / kWord * 4;
      const auto shift = static_cast<unsigned>(bit % kWord);
      auto zero = (load<std::uint32_t>(word) + in_word) >> shift;
      if (shift + static_cast<unsigned>(layout_.bits) > kWord) zero |= load<std::uint32_t>(word + 4) << (kWord - shift);
      zeros[row] = static_cast<float>((zero + by_itself) & mask_);
    }
  }

  GptqLayout layout_;
  std::uint32_t mask_;
};

}  // namespace

std::shared_ptr<const Encoding> gptq(const GptqLayout& layout) { return std::make_shared<Gptq>(layout); }

}  // namespace garage
