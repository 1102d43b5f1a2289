// What PEFT's merge computes (peft/tuners/lora/layer.py, Linear.get_delta_weight, Embedding.get_delta_weight;
// peft/tuners/lora/variants.py, DoraLinearVariant.merge_safe), in float32:
//
//   LoRA   W + (B A) * scale          turned: W + (B A)^T * scale
//   DoRA   (m / |W + (B A) * scale|) * (W + (B A) * scale), the length |.| and m of each row
//   bias   b + v * scale
#include "low_rank.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>
#include <vector>

#include "../plain_numbers.hpp"

namespace garage {
namespace {

using Piece = Encoding::Piece;
using Floats = std::vector<float>;

// Numbers of one piece from `from` on.
void read_numbers(const Encoding& plain, DType dtype, Piece piece, std::int64_t from, std::int64_t count, float* out) {
  const auto width = static_cast<std::size_t>(bits(dtype)) / 8;
  const Piece some = piece.subspan(static_cast<std::size_t>(from) * width, static_cast<std::size_t>(count) * width);
  plain.decode({count}, {&some, 1}, 0, 1, out);
}

Floats turned(const Floats& matrix, std::int64_t rows, std::int64_t columns) {
  Floats result(matrix.size());
  for (std::int64_t row = 0; row < rows; ++row)
    for (std::int64_t column = 0; column < columns; ++column)
      result[static_cast<std::size_t>(column * rows + row)] = matrix[static_cast<std::size_t>(row * columns + column)];
  return result;
}

// row += (left right) * scale: of right [rank, columns] and left [rank]. The products are summed more exactly than
// float32 does, so that their order does not matter.
void add_product(const float* left, const Floats& right, float scale, std::vector<double>& sums, float* row) {
  const auto columns = sums.size(), rank = right.size() / columns;
  std::fill(sums.begin(), sums.end(), 0.0);
  for (std::size_t k = 0; k < rank; ++k) {
    const double factor = left[k];
    const float* const numbers = right.data() + k * columns;
    for (std::size_t i = 0; i < columns; ++i) sums[i] += factor * static_cast<double>(numbers[i]);
  }
  for (std::size_t i = 0; i < columns; ++i) row[i] += static_cast<float>(sums[i]) * scale;
}

// The same on a device, of left [count, rank] and right [rank, columns]. The products are exact, but a device may add
// them in another order: on rare occasions the last bit of float32 differs. The same holds for the squares below.
Array product_there(const Array& left, const Array& right, float scale) {
  constexpr auto kF64 = Array::Type::kF64;
  return left.to(kF64).matrix_product(right.to(kF64)).to(Array::Type::kF32) * scale;
}

// Gives the row that length.
void lengthen(float length, std::int64_t columns, float* row) {
  double squares = 0;
  for (std::int64_t i = 0; i < columns; ++i) squares += static_cast<double>(row[i]) * static_cast<double>(row[i]);
  const auto factor = length / static_cast<float>(std::sqrt(squares));
  for (std::int64_t i = 0; i < columns; ++i) row[i] *= factor;
}

// Each row its length: of lengths [count, 1] and rows [count, columns].
Array lengthened_there(const Array& lengths, const Array& rows) {
  const auto exact = rows.to(Array::Type::kF64);
  return rows * (lengths / (exact * exact).sum_of_last().root().to(Array::Type::kF32));
}

class WithLowRank : public Encoding {
 public:
  WithLowRank(Adapted base, AddedLowRank added)
      : base_(std::move(base)), added_(added), a_(plain_numbers(added.a)), b_(plain_numbers(added.b)) {
    if (added.magnitude) magnitude_ = plain_numbers(*added.magnitude);
  }

  std::string_view name() const noexcept override { return base_.name; }

  void decode(const Shape& shape, std::span<const Piece> pieces, std::int64_t first, std::int64_t count,
              float* out) const override {
    base_.inner->decode(shape, pieces.first(base_.pieces), first, count, out);
    const auto own = pieces.subspan(base_.pieces);
    const auto [rows, columns] = rows_of(shape);
    if (rows == 0 || columns == 0) return;
    const auto left = rows_of_left(own, rows, first, count), right = all_of_right(own, columns);
    std::vector<double> sums(static_cast<std::size_t>(columns));
    for (std::int64_t i = 0; i < count; ++i)
      add_product(left.data() + i * added_.rank, right, static_cast<float>(added_.scale), sums, out + i * columns);
    if (!magnitude_) return;
    Floats lengths(static_cast<std::size_t>(count));
    read_numbers(*magnitude_, *added_.magnitude, own[2], first, count, lengths.data());
    for (std::int64_t i = 0; i < count; ++i) lengthen(lengths[static_cast<std::size_t>(i)], columns, out + i * columns);
  }

  OnDevice on_device(const Shape& shape, std::span<const Piece> pieces, std::span<const Array> there) const override {
    auto base = base_.inner->on_device(shape, pieces.first(base_.pieces), there.first(base_.pieces));
    if (!base.rows) return {};
    const auto own = there.subspan(base_.pieces);
    const auto adapted = [base = std::move(base.rows), left = left_there(shape, own), right = right_there(shape, own),
                          scale = static_cast<float>(added_.scale)](std::int64_t first, std::int64_t count) {
      return base(first, count) + product_there(left(first, count), right(), scale);
    };
    if (!magnitude_) return {.rows = adapted, .together = base.together};
    return {.rows = [adapted, lengths = rows_there(*magnitude_, rows_of(shape).count, 1, own[2])](
                        std::int64_t first,
                        std::int64_t count) { return lengthened_there(lengths(first, count), adapted(first, count)); },
            .together = base.together};
  }

 private:
  using RowsThere = decltype(OnDevice::rows);

  static RowsThere rows_there(const Encoding& plain, std::int64_t rows, std::int64_t columns, const Array& there) {
    return plain.on_device({rows, columns}, {}, {&there, 1}).rows;
  }

  // [count, rank], as rows_of_left.
  RowsThere left_there(const Shape& shape, std::span<const Array> own) const {
    const auto rows = rows_of(shape).count, rank = added_.rank;
    if (!added_.is_turned) return rows_there(*b_, rows, rank, own[1]);
    return [rank, a = rows_there(*a_, rank, rows, own[0])](std::int64_t first, std::int64_t count) {
      return a(0, rank).narrow(1, first, count).transpose(0, 1);
    };
  }

  // [rank, columns], as all_of_right.
  std::function<Array()> right_there(const Shape& shape, std::span<const Array> own) const {
    const auto columns = rows_of(shape).columns, rank = added_.rank;
    if (!added_.is_turned) return [rank, a = rows_there(*a_, rank, columns, own[0])] { return a(0, rank); };
    return [columns, b = rows_there(*b_, columns, rank, own[1])] { return b(0, columns).transpose(0, 1); };
  }

  // [count, rank]: rows of B, or columns of A.
  Floats rows_of_left(std::span<const Piece> own, std::int64_t rows, std::int64_t first, std::int64_t count) const {
    Floats left(static_cast<std::size_t>(count * added_.rank));
    if (!added_.is_turned) {
      read_numbers(*b_, added_.b, own[1], first * added_.rank, count * added_.rank, left.data());
      return left;
    }
    for (std::int64_t k = 0; k < added_.rank; ++k)
      read_numbers(*a_, added_.a, own[0], k * rows + first, count, left.data() + k * count);
    return turned(left, added_.rank, count);
  }

  // [rank, columns]: A, or B turned.
  Floats all_of_right(std::span<const Piece> own, std::int64_t columns) const {
    Floats right(static_cast<std::size_t>(added_.rank * columns));
    if (!added_.is_turned) {
      read_numbers(*a_, added_.a, own[0], 0, added_.rank * columns, right.data());
      return right;
    }
    read_numbers(*b_, added_.b, own[1], 0, added_.rank * columns, right.data());
    return turned(right, columns, added_.rank);
  }

  Adapted base_;
  AddedLowRank added_;
  std::shared_ptr<const Encoding> a_, b_, magnitude_;
};

class WithVector : public Encoding {
 public:
  WithVector(Adapted base, DType vector, double scale)
      : base_(std::move(base)), dtype_(vector), scale_(static_cast<float>(scale)), vector_(plain_numbers(vector)) {}

  std::string_view name() const noexcept override { return base_.name; }

  void decode(const Shape& shape, std::span<const Piece> pieces, std::int64_t first, std::int64_t count,
              float* out) const override {
    base_.inner->decode(shape, pieces.first(base_.pieces), first, count, out);
    Floats numbers(static_cast<std::size_t>(rows_of(shape).columns));
    read_numbers(*vector_, dtype_, pieces[base_.pieces], 0, rows_of(shape).columns, numbers.data());
    for (std::size_t i = 0; i < numbers.size(); ++i) out[i] += numbers[i] * scale_;
  }

  OnDevice on_device(const Shape& shape, std::span<const Piece> pieces, std::span<const Array> there) const override {
    auto base = base_.inner->on_device(shape, pieces.first(base_.pieces), there.first(base_.pieces));
    if (!base.rows) return {};
    return {.rows = [base = std::move(base.rows), scale = scale_,
                     vector = vector_->on_device(shape, {}, there.subspan(base_.pieces)).rows](
                        std::int64_t first,
                        std::int64_t count) { return base(first, count) + vector(first, count) * scale; },
            .together = base.together};
  }

 private:
  Adapted base_;
  DType dtype_;
  float scale_;
  std::shared_ptr<const Encoding> vector_;
};

}  // namespace

std::shared_ptr<const Encoding> with_low_rank(Adapted base, AddedLowRank added) {
  return std::make_shared<WithLowRank>(std::move(base), added);
}

std::shared_ptr<const Encoding> with_vector(Adapted base, DType vector, double scale) {
  return std::make_shared<WithVector>(std::move(base), vector, scale);
}

}  // namespace garage
