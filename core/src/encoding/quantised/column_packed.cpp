#include "column_packed.hpp"

#include <algorithm>

#include "column_order.hpp"
#include "scales.hpp"

namespace garage {
namespace {

// I8 or F32. The difference of numbers below 128 has room in a byte.
Array difference(const Array& numbers, const Array& zeros, int bits) {
  return bits < 8 ? (numbers - zeros).bits_as(Array::Type::kI8) : numbers - zeros.to(Array::Type::kF32);
}

}  // namespace

void ColumnPacked::decode(const Shape& shape, std::span<const Piece> pieces, std::int64_t first, std::int64_t count,
                          float* out) const {
  check(shape, pieces);
  const auto of_columns = columns(shape, pieces);
  const auto size = static_cast<std::size_t>(groups(shape) * kRows);
  Table scales(size), zeros(size);
  for (std::int64_t row = 0; row < count; row += kRows) {
    const Part part{shape[0], first + row, std::min(kRows, count - row)};
    decode_rows(shape, pieces, of_columns, part, scales, zeros, out + row * shape[1]);
  }
}

Encoding::OnDevice ColumnPacked::on_device(const Shape& shape, std::span<const Piece> pieces,
                                           std::span<const Array> there) const {
  check(shape, pieces);
  const auto rows = shape[0], columns = shape[1], groups = this->groups(shape);
  const std::int64_t width = garage::bits(scales_) / 8;
  const ColumnRuns runs(this->columns(shape, pieces), groups, there[0]);
  return {.rows = [=, bits = bits_, numbers = unpacked_there(shape, there[0]), zeros = zeros_there(shape, there[1]),
                   stored_scales = there[2].view({groups, rows * width}),
                   read = reader_of_scales(scales_, there[2])](std::int64_t first, std::int64_t count) {
    const auto scales = read(stored_scales.narrow(1, first * width, count * width)).transpose(0, 1);
    const auto less_zeros = difference(runs.seen(numbers(first, count)), runs.laid(zeros(first, count)), bits);
    return (less_zeros * runs.laid(scales)).view({count, columns});
  }};
}

void ColumnPacked::decode_rows(const Shape& shape, std::span<const Piece> pieces,
                               const std::vector<std::int32_t>& groups, Part part, Table& scales, Table& zeros,
                               float* out) const {
  for (std::int64_t group = 0; group < this->groups(shape); ++group) {
    const auto at = static_cast<std::size_t>(group * kRows);
    read_scales(scales_, pieces[2].data(), group * part.rows + part.row, part.row_count, &scales[at]);
    this->zeros(pieces[1], group, part, &zeros[at]);
  }
  std::int32_t numbers[kRows * kColumns];
  float results[kRows * kColumns];
  const auto columns = shape[1];
  for (part.column = 0; part.column < columns; part.column += kColumns) {
    part.column_count = std::min(kColumns, columns - part.column);
    unpack(pieces[0], part, numbers);
    for (std::int64_t column = 0; column < part.column_count; ++column) {
      const auto at = static_cast<std::size_t>(groups[static_cast<std::size_t>(part.column + column)] * kRows);
      const float *scale = &scales[at], *zero = &zeros[at];
      const auto* number = numbers + column * kRows;
      auto* result = results + column * kRows;
      for (std::int64_t row = 0; row < part.row_count; ++row)
        result[row] = (static_cast<float>(number[row]) - zero[row]) * scale[row];
    }
    for (std::int64_t row = 0; row < part.row_count; ++row)
      for (std::int64_t column = 0; column < part.column_count; ++column)
        out[row * columns + part.column + column] = results[column * kRows + row];
  }
}

}  // namespace garage
