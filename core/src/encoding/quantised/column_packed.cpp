#include "column_packed.hpp"

#include <algorithm>

#include "scales.hpp"

namespace garage {

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
