// The layouts (compressed_tensors 0.17: compressors/pack_quantized/helpers.py, compressors/nvfp4/helpers.py and
// _dequantize in quantization/lifecycle/forward_helpers.py; transformers 5.12: integrations/finegrained_fp8.py,
// Fp8Dequantize):
//
//   E2M1 (FP4)  sign, 2 bits of exponent, 1 of mantissa: 0, 0.5, 1, 1.5, 2, 3, 4, 6
//   packed      32 / bits numbers in a word, what is left of it unused; a row's last word may be part full. Zeros
//               likewise, down each column of the grid
//   number      (stored - zero) * (scale / divisor), each operation rounded to float32
#include "scaled_grid.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <vector>

#include "../numbers.hpp"
#include "../readers.hpp"
#include "column_order.hpp"
#include "few_bits.hpp"
#include "piece_sizes.hpp"
#include "scales.hpp"

namespace garage {
namespace {

constexpr std::array<float, 16> kE2m1 = {0, .5F, 1, 1.5F, 2, 3, 4, 6, -0.F, -.5F, -1, -1.5F, -2, -3, -4, -6};

const auto kE4m3 = numbers_of_bytes(float_of_e4m3);
const auto kInt8 =
    numbers_of_bytes([](std::uint8_t byte) { return static_cast<float>(static_cast<std::int8_t>(byte)); });

std::int64_t size(std::int64_t count, DType dtype) noexcept { return count * bits(dtype) / 8; }

class Scaled : public Encoding {
 public:
  Scaled(std::string_view name, const ScaledGrid& layout) : name_(name), layout_(layout) {}

  std::string_view name() const noexcept override { return name_; }

  void decode(const Shape& shape, std::span<const Piece> pieces, std::int64_t first, std::int64_t count,
              float* out) const override {
    Matrices at(layout_, shape);
    check(at, pieces);
    const auto order = order_in(at, pieces);
    std::vector<float> scales(static_cast<std::size_t>(at.grid_columns)), zeros(scales.size());
    std::int64_t grid_row = -1;
    for (std::int64_t row = first; row < first + count; ++row, out += at.columns) {
      if (const auto here = at.grid_row(layout_, row); here != grid_row) {
        grid_row = here;
        read_row_scales(at, pieces, grid_row, scales.data());
        if (layout_.zeros == ScaledGrid::Zeros::kInt8) read_plain_zeros(at, pieces[2], grid_row, zeros.data());
        if (layout_.zeros == ScaledGrid::Zeros::kPacked) read_packed_zeros(at, pieces[2], row, zeros.data());
      }
      read_numbers(pieces[0].data() + row * at.row_bytes, at.columns, out);
      if (layout_.has_order) scale_in_order(at, order, scales.data(), zeros.data(), out);
      else scale_fields(at, scales.data(), zeros.data(), out);
    }
  }

  OnDevice on_device(const Shape& shape, std::span<const Piece> pieces, std::span<const Array> there) const override {
    const Matrices at(layout_, shape);
    check(at, pieces);
    const auto order = layout_.has_order ? order_in(at, pieces) : groups_in_a_row(at.columns, layout_.field_columns);
    return {.rows = [runs = ColumnRuns(order, at.grid_columns, there[0]), columns = at.columns,
                     numbers = numbers_there(at, there[0]), zeros = zeros_there(at, there),
                     scales = scales_there(at, there)](std::int64_t first, std::int64_t count) {
      auto results = runs.seen(numbers(first, count));
      if (zeros) results = results - runs.laid(zeros(first, count));
      return (results * runs.laid(scales(first, count))).view({count, columns});
    }};
  }

 private:
  struct Matrices {
    Matrices(const ScaledGrid& layout, const Shape& shape)
        : rows(shape[shape.size() - 2]),
          columns(shape.back()),
          all_rows(rows_of(shape).count),
          grid_rows(layout.grid_rows(rows)),
          grid_columns(layout.grid_columns(columns)),
          row_bytes(layout.row_bytes(columns)) {}

    std::int64_t grid_row(const ScaledGrid& layout, std::int64_t row) const noexcept {
      return row / rows * grid_rows + row % rows / layout.field_rows;
    }
    std::int64_t fields() const noexcept { return all_rows / rows * grid_rows * grid_columns; }

    std::int64_t rows, columns;  // of each
    std::int64_t all_rows;       // together
    std::int64_t grid_rows, grid_columns, row_bytes;
  };

  std::int64_t in_word() const noexcept { return 32 / layout_.bits; }
  std::size_t order_piece() const noexcept { return layout_.zeros == ScaledGrid::Zeros::kNone ? 2 : 3; }

  void check(const Matrices& at, std::span<const Piece> pieces) const {
    std::array<std::int64_t, 5> sizes{at.all_rows * at.row_bytes, size(at.fields(), layout_.scales)};
    std::size_t count = 2;
    if (layout_.zeros == ScaledGrid::Zeros::kInt8) sizes[count++] = at.fields();
    if (layout_.zeros == ScaledGrid::Zeros::kPacked)
      sizes[count++] = groups_of(at.rows, in_word()) * at.grid_columns * 4;
    if (layout_.has_order) sizes[count++] = at.columns * 4;
    if (layout_.has_divisor) sizes[count++] = 4;
    require_sizes(name_, pieces, std::span(sizes).first(count));
  }

  std::vector<std::int32_t> order_in(const Matrices& at, std::span<const Piece> pieces) const {
    if (!layout_.has_order) return {};
    return equal_groups_in(name_, pieces[order_piece()], at.grid_columns, layout_.field_columns);
  }

  void read_row_scales(const Matrices& at, std::span<const Piece> pieces, std::int64_t grid_row, float* scales) const {
    read_scales(layout_.scales, pieces[1].data(), grid_row * at.grid_columns, at.grid_columns, scales);
    if (!layout_.has_divisor) return;
    const auto divisor = load<float>(pieces.back().data());
    for (std::int64_t i = 0; i < at.grid_columns; ++i) scales[i] /= divisor;
  }

  static void read_plain_zeros(const Matrices& at, Piece piece, std::int64_t grid_row, float* zeros) noexcept {
    const auto* from = piece.data() + grid_row * at.grid_columns;
    for (std::int64_t i = 0; i < at.grid_columns; ++i) zeros[i] = static_cast<float>(static_cast<std::int8_t>(from[i]));
  }

  void read_packed_zeros(const Matrices& at, Piece piece, std::int64_t row, float* zeros) const noexcept {
    const auto* words = piece.data() + row / in_word() * at.grid_columns * 4;
    const auto shift = row % in_word() * layout_.bits;
    for (std::int64_t i = 0; i < at.grid_columns; ++i) zeros[i] = number_in(load<std::uint32_t>(words + i * 4), shift);
  }

  float number_in(std::uint32_t word, std::int64_t shift) const noexcept {
    const auto mask = (1 << layout_.bits) - 1, middle = 1 << (layout_.bits - 1);
    return static_cast<float>((static_cast<std::int32_t>(word >> shift) & mask) - middle);
  }

  void read_numbers(const std::uint8_t* row, std::int64_t columns, float* out) const noexcept {
    switch (layout_.numbers) {
      case ScaledGrid::Numbers::kInt8:
      case ScaledGrid::Numbers::kE4m3: {
        const auto* numbers = (layout_.numbers == ScaledGrid::Numbers::kInt8 ? kInt8 : kE4m3).data();
        for (std::int64_t i = 0; i < columns; ++i) out[i] = numbers[row[i]];
        return;
      }
      case ScaledGrid::Numbers::kE2m1:
        for (std::int64_t i = 0; i < columns; ++i) out[i] = kE2m1[row[i / 2] >> (i % 2 * 4) & 15];
        return;
      case ScaledGrid::Numbers::kPacked:
        for (std::int64_t i = 0; i < columns; i += in_word(), row += 4) {
          const auto word = load<std::uint32_t>(row);
          for (std::int64_t k = 0; k < std::min(in_word(), columns - i); ++k)
            out[i + k] = number_in(word, k * layout_.bits);
        }
    }
  }

  void scale_fields(const Matrices& at, const float* scales, const float* zeros, float* out) const noexcept {
    const bool has_zeros = layout_.zeros != ScaledGrid::Zeros::kNone;
    for (std::int64_t field = 0; field < at.grid_columns; ++field) {
      const auto end = std::min(at.columns, (field + 1) * layout_.field_columns);
      const auto scale = scales[field];
      if (has_zeros)
        for (auto i = field * layout_.field_columns; i < end; ++i) out[i] = (out[i] - zeros[field]) * scale;
      else
        for (auto i = field * layout_.field_columns; i < end; ++i) out[i] *= scale;
    }
  }

  void scale_in_order(const Matrices& at, const std::vector<std::int32_t>& order, const float* scales,
                      const float* zeros, float* out) const noexcept {
    const bool has_zeros = layout_.zeros != ScaledGrid::Zeros::kNone;
    for (std::int64_t i = 0; i < at.columns; ++i) {
      const auto field = order[static_cast<std::size_t>(i)];
      out[i] = (has_zeros ? out[i] - zeros[field] : out[i]) * scales[field];
    }
  }

  // Of rows first to first + count of the tensor.
  using RowsThere = std::function<Array(std::int64_t first, std::int64_t count)>;

  // I8, or F32, which integers become when something is done with them and F32.
  RowsThere numbers_there(const Matrices& at, const Array& there) const {
    return [stored = there.view({at.all_rows, at.row_bytes}), read = number_reader(at.columns, there)](
               std::int64_t first, std::int64_t count) { return read(stored.narrow(0, first, count)); };
  }

  std::function<Array(const Array& bytes)> number_reader(std::int64_t columns, const Array& like) const {
    switch (layout_.numbers) {
      case ScaledGrid::Numbers::kInt8: return [](const Array& bytes) { return bytes.bits_as(Array::Type::kI8); };
      case ScaledGrid::Numbers::kE4m3: return reader_of_bytes(kE4m3, like);
      case ScaledGrid::Numbers::kE2m1: return reader_of_halves(kE2m1, FirstHalf::kLower, like);
      case ScaledGrid::Numbers::kPacked: break;
    }
    return [columns, few = FewBits(layout_.bits, like)](const Array& bytes) {
      return few.without_middle(few.unpacked(bytes).narrow(1, 0, columns));
    };
  }

  // F32.
  RowsThere scales_there(const Matrices& at, std::span<const Array> there) const {
    auto scales = grid_there(at, there[1], bits(layout_.scales) / 8, reader_of_scales(layout_.scales, there[1]));
    if (!layout_.has_divisor) return scales;
    return [scales, divisor = there.back()](std::int64_t first, std::int64_t count) {
      return scales(first, count) / divisor.bits_as(Array::Type::kF32);
    };
  }

  // F32; empty where there are none.
  RowsThere zeros_there(const Matrices& at, std::span<const Array> there) const {
    if (layout_.zeros == ScaledGrid::Zeros::kNone) return {};
    if (layout_.zeros == ScaledGrid::Zeros::kInt8) return grid_there(at, there[2], 1, reader_of(Array::Type::kI8));
    return [in_word = in_word(), columns = at.grid_columns, few = FewBits(layout_.bits, there[2]),
            stored = there[2].view({groups_of(at.rows, in_word()), at.grid_columns, 4})](std::int64_t first,
                                                                                         std::int64_t count) {
      const auto from = first / in_word, words = groups_of(first + count, in_word) - from;
      const auto down = stored.narrow(0, from, words).transpose(0, 1).view({columns, words * 4});
      const auto zeros = few.unpacked(down).narrow(1, first - from * in_word, count);
      return few.without_middle(zeros.transpose(0, 1)).to(Array::Type::kF32);
    };
  }

  // What the grid has for each row, of so many bytes each: F32 [count, grid columns].
  RowsThere grid_there(const Matrices& at, const Array& there, std::int64_t width, Reader read) const {
    const auto grid = there.view({at.fields() / at.grid_columns, at.grid_columns * width});
    if (layout_.field_rows == 1)
      return [=](std::int64_t first, std::int64_t count) { return read(grid.narrow(0, first, count)); };
    std::vector<std::int32_t> grid_rows;
    for (std::int64_t row = 0; row < at.all_rows; ++row)
      grid_rows.push_back(static_cast<std::int32_t>(at.grid_row(layout_, row)));
    return [=, places = there.constant(std::span<const std::int32_t>(grid_rows))](
               std::int64_t first, std::int64_t count) { return read(grid.at(places.narrow(0, first, count))); };
  }

  std::string_view name_;
  ScaledGrid layout_;
};

}  // namespace

std::int64_t ScaledGrid::grid_rows(std::int64_t rows) const noexcept { return groups_of(rows, field_rows); }
std::int64_t ScaledGrid::grid_columns(std::int64_t columns) const noexcept { return groups_of(columns, field_columns); }

std::int64_t ScaledGrid::row_bytes(std::int64_t columns) const noexcept {
  if (numbers == Numbers::kE2m1) return columns / 2;
  return numbers == Numbers::kPacked ? groups_of(columns, 32 / bits) * 4 : columns;
}

std::shared_ptr<const Encoding> scaled_grid(std::string_view name, const ScaledGrid& layout) {
  return std::make_shared<Scaled>(name, layout);
}

}  // namespace garage
