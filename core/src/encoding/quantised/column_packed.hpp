// Matrices that are stored the other way round, packed: a row of the tensor is a column of what is stored. Groups of a
// row's numbers share a scale and a zero: number = (stored - zero) * scale.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include <garage/array.hpp>
#include <garage/dtype.hpp>
#include <garage/encoding.hpp>

namespace garage {

// Pieces: what is packed; zeros, packed, [groups, rows]; scales [groups, rows].
class ColumnPacked : public Encoding {
 public:
  // How many rows of the tensor, and columns of it, are unpacked at once.
  static constexpr std::int64_t kRows = 64, kColumns = 32;

  void decode(const Shape& shape, std::span<const Piece> pieces, std::int64_t first, std::int64_t count,
              float* out) const final;
  OnDevice on_device(const Shape& shape, std::span<const Piece> pieces, std::span<const Array> there) const final;

 protected:
  struct Part {                                 // of the tensor
    std::int64_t rows;                          // that the tensor has
    std::int64_t row, row_count;                // at most kRows
    std::int64_t column = 0, column_count = 0;  // at most kColumns
  };
  // A scale or zero for each of kRows rows, of each group.
  using Table = std::vector<float>;

  // first, count -> rows of the tensor: U8 [count, columns], or of zeros [count, groups].
  using UnpackedRows = std::function<Array(std::int64_t first, std::int64_t count)>;

  // bits: of a number, and of a zero.
  ColumnPacked(int bits, DType scales) : bits_(bits), scales_(scales) {}

  // Throws kCorrupt where the pieces are not what the shape needs.
  virtual void check(const Shape& shape, std::span<const Piece> pieces) const = 0;
  virtual std::int64_t groups(const Shape& shape) const noexcept = 0;
  // The group of each column.
  virtual std::vector<std::int32_t> columns(const Shape& shape, std::span<const Piece> pieces) const = 0;
  // packed[column * kRows + row], both counted from the part's first.
  virtual void unpack(Piece packed, const Part& part, std::int32_t* numbers) const noexcept = 0;
  // Those of one group and the part's rows.
  virtual void zeros(Piece packed, std::int64_t group, const Part& part, float* zeros) const noexcept = 0;
  // The same on a device.
  virtual UnpackedRows unpacked_there(const Shape& shape, const Array& packed) const = 0;
  virtual UnpackedRows zeros_there(const Shape& shape, const Array& packed) const = 0;

 private:
  void decode_rows(const Shape& shape, std::span<const Piece> pieces, const std::vector<std::int32_t>& groups,
                   Part part, Table& scales, Table& zeros, float* out) const;

  int bits_;
  DType scales_;
};

}  // namespace garage
