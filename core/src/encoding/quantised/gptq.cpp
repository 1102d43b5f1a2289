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
#include <functional>
#include <string_view>

#include "../numbers.hpp"
#include "column_order.hpp"
#include "column_packed.hpp"
#include "few_bits.hpp"
#include "piece_sizes.hpp"

namespace garage {
namespace {

constexpr std::int64_t kWord = 32;  // bits

// 1 in the lowest of so many bits, as often as a word has room.
constexpr std::uint32_t ones(int bits) noexcept {
  return bits == 2 ? 0x55555555U : bits == 4 ? 0x11111111U : 0x01010101U;
}

// What lies without a gap, on a device: U8 [rows, bytes] -> U8 [rows, numbers].
using Unpacking = std::function<Array(const Array& bytes)>;
Unpacking unpacking(int bits, const Array& like) {
  if (bits != 3) return [few = FewBits(bits, like)](const Array& bytes) { return few.unpacked(bytes); };
  constexpr std::array<std::int32_t, 8> kShifts = {0, 3, 6, 9, 12, 15, 18, 21};  // in three bytes
  return [shifts = like.constant(std::span<const std::int32_t>(kShifts))](const Array& bytes) {
    const auto rows = bytes.shape()[0], eights = bytes.shape()[1] / 3;
    const auto byte = bytes.view({rows, eights, 3}).to(Array::Type::kI32);
    const auto word = byte.narrow(2, 0, 1) | byte.narrow(2, 1, 1) << 8 | byte.narrow(2, 2, 1) << 16;
    return ((word >> shifts) & 7).to(Array::Type::kU8).view({rows, eights * 8});
  };
}

class Gptq : public ColumnPacked {
 public:
  explicit Gptq(const GptqLayout& layout)
      : ColumnPacked(layout.bits, layout.scales), layout_(layout), mask_((1U << layout.bits) - 1) {}

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
    return groups_in_a_row(shape[1], layout_.group_size);
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

  UnpackedRows unpacked_there(const Shape& shape, const Array& packed) const override {
    const auto rows = shape[0], words = shape[1] * layout_.bits / kWord;
    return [stored = packed.view({words, rows * 4}), unpack = unpacking(layout_.bits, packed)](std::int64_t first,
                                                                                               std::int64_t count) {
      const auto down = stored.narrow(1, first * 4, count * 4).bits_as(Array::Type::kI32);
      return unpack(down.transpose(0, 1).bits_as(Array::Type::kU8));
    };
  }

  UnpackedRows zeros_there(const Shape& shape, const Array& packed) const override {
    const auto together = layout_.bits == 3 ? std::int64_t{3} : 1;  // words that have whole numbers
    return [=, layout = layout_, stored = packed.view({layout_.groups, shape[0] * layout_.bits / 8}),
            unpack = unpacking(layout_.bits, packed)](std::int64_t first, std::int64_t count) {
      const auto rows = together * kWord / layout.bits, from = first / rows,
                 some = groups_of(first + count, rows) - from;
      auto words = stored.narrow(1, from * together * 4, some * together * 4);
      if (layout.is_less_one && layout.bits != 3)
        words = (words.bits_as(Array::Type::kI32) + ones(layout.bits)).bits_as(Array::Type::kU8);
      auto zeros = unpack(words);
      if (layout.is_less_one && layout.bits == 3) zeros = (zeros + 1) & 7;
      return zeros.narrow(1, first - from * rows, count).transpose(0, 1);
    };
  }

  GptqLayout layout_;
  std::uint32_t mask_;
};

}  // namespace

std::shared_ptr<const Encoding> gptq(const GptqLayout& layout) { return std::make_shared<Gptq>(layout); }

}  // namespace garage
