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
#include <functional>
#include <numeric>
#include <vector>

#include "../numbers.hpp"
#include "../readers.hpp"
#include "piece_sizes.hpp"
#include "scales.hpp"

namespace garage {
namespace {

constexpr auto kReciprocal = 7.874015718698502e-3F;  // of 127

class Int8 : public Encoding {
 public:
  explicit Int8(DType scales) : scales_(scales) {}

  std::string_view name() const noexcept override { return "bnb int8"; }

  void decode(const Shape& shape, std::span<const Piece> pieces, std::int64_t first, std::int64_t count,
              float* out) const override {
    const auto columns = shape[1];
    check(shape, pieces);
    for (std::int64_t row = first; row < first + count; ++row, out += columns) {
      const auto* stored = pieces[0].data() + row * columns;
      float scale = 0, numbers[256];
      read_scales(scales_, pieces[1].data(), row, 1, &scale);
      for (int i = 0; i < 256; ++i) numbers[i] = static_cast<float>(static_cast<std::int8_t>(i)) * scale * kReciprocal;
      for (std::int64_t i = 0; i < columns; ++i) out[i] = numbers[stored[i]];
    }
  }

  OnDevice on_device(const Shape& shape, std::span<const Piece> pieces, std::span<const Array> there) const override {
    check(shape, pieces);
    const std::int64_t width = bits(scales_) / 8;
    return {.rows = [stored = there[0].view({shape[0], shape[1]}), scales = there[1].view({shape[0], width}),
                     read = reader_of_scales(scales_, there[1])](std::int64_t first, std::int64_t count) {
      const auto numbers = stored.narrow(0, first, count).bits_as(Array::Type::kI8);
      return numbers * read(scales.narrow(0, first, count)) * kReciprocal;
    }};
  }

 private:
  void check(const Shape& shape, std::span<const Piece> pieces) const {
    require_sizes(name(), pieces, {shape[0] * shape[1], shape[0] * bits(scales_) / 8});
  }

  DType scales_;
};

// Numbers first to first + count on a device: F32 [count].
using Some = std::function<Array(std::int64_t first, std::int64_t count)>;

// Each as often, one after another.
Some repeated(Some numbers, std::int64_t times, const Array& like) {
  const std::vector<float> ones(static_cast<std::size_t>(times), 1);
  return [=, numbers = std::move(numbers), ones = like.constant(std::span<const float>(ones))](std::int64_t first,
                                                                                               std::int64_t count) {
    const auto from = first / times, some = groups_of(first + count, times) - from;
    return (numbers(from, some).view({some, 1}) * ones).view({some * times}).narrow(0, first - from * times, count);
  };
}

Some float32_in(const Array& bytes) {
  return [=](std::int64_t first, std::int64_t count) {
    return bytes.narrow(0, first * 4, count * 4).bits_as(Array::Type::kF32);
  };
}

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

  OnDevice on_device(const Shape& shape, std::span<const Piece> pieces, std::span<const Array> there) const override {
    const auto columns = rows_of(shape).columns;
    check(rows_of(shape).count * columns, pieces);
    float map[16];
    read_scales(DType::kF32, pieces[2].data(), 0, 16, map);
    const auto run = std::gcd(columns, layout_.block);  // numbers of one row and of one block
    return {.rows = [=, stored = there[0], read = reader_of_halves(map, FirstHalf::kHigher, there[0]),
                     scales = repeated(scales_of_blocks(there), layout_.block / run, there[0])](std::int64_t first,
                                                                                                std::int64_t count) {
      const auto from = first * columns, numbers = count * columns, runs = numbers / run;
      const auto bytes = stored.narrow(0, from / 2, groups_of(from + numbers, 2) - from / 2);
      const auto unscaled = read(bytes).narrow(0, from % 2, numbers).view({runs, run});
      return (unscaled * scales(from / run, runs).view({runs, 1})).view({count, columns});
    }};
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

  Some scales_of_blocks(std::span<const Array> there) const {
    if (!layout_.nested) return float32_in(there[1]);
    const auto scales = repeated(float32_in(there[3]), layout_.nested->block, there[3]);
    return [=, stored = there[1], map = there[4], offset = layout_.nested->offset](std::int64_t first,
                                                                                   std::int64_t count) {
      const auto numbers = map.bits_as(Array::Type::kF32).at(stored.narrow(0, first, count).to(Array::Type::kI32));
      return numbers * scales(first, count) + offset;
    };
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
