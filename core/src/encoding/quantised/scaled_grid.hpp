// Narrow numbers that lie row after row, and a grid laid over each matrix: number = (stored - zero) * scale, both of
// the number's field. FP8 in blocks, int8 by channel, int4 in groups, MXFP4, NVFP4.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include <garage/dtype.hpp>
#include <garage/encoding.hpp>

namespace garage {

struct ScaledGrid {
  enum class Numbers {
    kInt8,
    kE4m3,
    kE2m1,    // two in a byte, the first in the lower bits
    kPacked,  // integers of `bits` bits + 2^(bits - 1), as many in a word of 32 as go in whole, from the lowest bits up
  };
  enum class Zeros {
    kNone,
    kInt8,    // as the scales lie
    kPacked,  // as the numbers, down the columns of the grid
  };

  Numbers numbers = Numbers::kInt8;
  int bits = 8;  // 1 to 8
  std::int64_t field_rows = 1, field_columns = 1;
  DType scales = DType::kF32;  // or F16, BF16, F8_E4M3, F8_E8M0, U8
  Zeros zeros = Zeros::kNone;
  bool has_order = false;    // which columns make a group is not their order
  bool has_divisor = false;  // every scale is divided by one number

  // Fields of each matrix.
  std::int64_t grid_rows(std::int64_t rows) const noexcept;
  std::int64_t grid_columns(std::int64_t columns) const noexcept;
  // What one row takes, in bytes.
  std::int64_t row_bytes(std::int64_t columns) const noexcept;

  friend bool operator==(const ScaledGrid&, const ScaledGrid&) = default;
};

// Of a tensor [..., rows, columns]. Extents: the numbers; scales [..., grid rows, grid columns]; if there are zeros,
// these, I8 [..., grid rows, grid columns], or I32 [rows / as many as a word holds, grid columns]; where has_order the
// columns' groups, I32 [columns]; where has_divisor that, F32. name: static storage.
// Requires: packed zeros have field_rows 1 and a tensor of two dimensions; two E2M1 numbers share no byte across rows.
std::shared_ptr<const Encoding> scaled_grid(std::string_view name, const ScaledGrid& layout);

}  // namespace garage
