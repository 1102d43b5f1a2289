// The layouts, from bitsandbytes' published code. No file that bitsandbytes wrote was at hand to try this on.
//
//   int8   number = stored * SCB of its row * float32(7.874015718698502e-3), from the left (functional.py,
//          int8_vectorwise_dequant; transformers: integrations/bitsandbytes.py, dequantize_bnb_weight)
//   4 bit  through the whole tensor, row after row, two to a byte, the first in the HIGHER bits; an odd last one leaves
//          the lower bits unused. number = quant_map[stored] * absmax of its block (backends/default/ops.py,
//          dequantize_4bit; csrc/kernels.cu has the same in float32)
//   nested absmax = nested_quant_map[stored] * nested_absmax of its block + offset (functional.py, dequantize_4bit)
#include "bitsandbytes.hpp"

#include <algorithm>

#include "../numbers.hpp"
#include "piece_sizes.hpp"
#include "scales.hpp"

namespace garage {
namespace {

class Int8 : public Encoding {
 public:
  explicit Int8(DType scales) : scales_(scales) {}

  std::string_view name() const noexcept override { return "bnb int8"; }

  void decode(const Shape& shape, std::span<const Piece> pieces, std::int64_t first, std::int64_t count,
              float* out) const override {
    constexpr auto kReciprocal = 7.874015718698502e-3F;  // of 127
    const auto rows = shape[0], columns = shape[1];
    require_sizes(name(), pieces, {rows * columns, rows * bits(scales_) / 8});
    for (std::int64_t row = first; row < first + count; ++row, out += columns) {
      const auto* stored = pieces[0].data() + row * columns;
      float scale = 0, numbers[256];
      read_scales(scales_, pieces[1].data(), row, 1, &scale);
      for (int i = 0; i < 256; ++i) numbers[i] = static_cast<float>(static_cast<std::int8_t>(i)) * scale * kReciprocal;
      for (std::int64_t i = 0; i < columns; ++i) out[i] = numbers[stored[i]];
    }
  }

 private:
  DType scales_;
};

class FourBits : public Encoding {
 public:
  FourBits(std::string_view name, const Bitsandbytes4Bit& layout) : name_(name), layout_(layout) {}

  std::string_view name() const noexcept override { return name_; }

  void decode(const Shape& shape, std::span<const Piece> pieces, std::int64_t first, std::int64_t count,
              float* out) const override {
    const auto [rows, columns] = rows_of(shape);
    check(rows * columns, pieces);
    float map[16];
    read_scales(DType::kF32, pieces[2].data(), 0, 16, map);
    const auto end = (first + count) * columns;
    for (auto at = first * columns; at < end;) {
      const auto block = at / layout_.block, block_end = std::min(end, (block + 1) * layout_.block);
      const auto scale = scale_of(pieces, block);
      for (; at < block_end; ++at) {
        const auto byte = pieces[0][static_cast<std::size_t>(at / 2)];
        *out++ = map[at % 2 == 0 ? byte >> 4 : byte & 15] * scale;
      }
    }
  }

 private:
  void check(std::int64_t numbers, std::span<const Piece> pieces) const {
    const auto bytes = groups_of(numbers, 2), blocks = groups_of(numbers, layout_.block);
    if (layout_.nested)
      require_sizes(name_, pieces, {bytes, blocks, 16 * 4, groups_of(blocks, layout_.nested->block) * 4, 256 * 4});
    else require_sizes(name_, pieces, {bytes, blocks * 4, 16 * 4});
  }

  float scale_of(std::span<const Piece> pieces, std::int64_t block) const noexcept {
    if (!layout_.nested) return load<float>(pieces[1].data() + block * 4);
    const auto stored = std::int64_t{pieces[1][static_cast<std::size_t>(block)]};
    const auto scale = load<float>(pieces[3].data() + block / layout_.nested->block * 4);
    return load<float>(pieces[4].data() + stored * 4) * scale + layout_.nested->offset;
  }

  std::string_view name_;
  Bitsandbytes4Bit layout_;
};

}  // namespace

std::shared_ptr<const Encoding> bitsandbytes_int8(DType scales) { return std::make_shared<Int8>(scales); }

std::shared_ptr<const Encoding> bitsandbytes_4bit(std::string_view name, const Bitsandbytes4Bit& layout) {
  return std::make_shared<FourBits>(name, layout);
}

}  // namespace garage
