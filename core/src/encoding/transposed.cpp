#include "transposed.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "quantised/piece_sizes.hpp"

namespace garage {
namespace {

constexpr std::int64_t kAtOnce = 32;  // stored rows that are decoded before they are dealt out

class Transposed : public Encoding {
 public:
  explicit Transposed(std::shared_ptr<const Encoding> inner) : inner_(std::move(inner)) {}

  std::string_view name() const noexcept override { return inner_->name(); }

  void decode(const Shape& shape, std::span<const Piece> pieces, std::int64_t first, std::int64_t count,
              float* out) const override {
    const auto stored = stored_shape(shape);
    const auto height = shape[shape.size() - 2], columns = shape.back();
    while (count > 0) {  // one matrix after another
      const auto row = first % height, here = std::min(count, height - row);
      decode_columns(stored, pieces, first / height, row, here, out);
      first += here;
      count -= here;
      out += here * columns;
    }
  }

  // A column of what is stored lies in all its rows: whole matrices are decoded.
  OnDevice on_device(const Shape& shape, std::span<const Piece> pieces, std::span<const Array> there) const override {
    auto stored = inner_->on_device(stored_shape(shape), pieces, there);
    if (!stored.rows) return {};
    const auto height = shape[shape.size() - 2], columns = shape.back();
    return {.rows =
                [=, rows = std::move(stored.rows)](std::int64_t first, std::int64_t count) {
                  const auto from = first / height, matrices = groups_of(first + count, height) - from;
                  return rows(from * columns, matrices * columns)
                      .view({matrices, columns, height})
                      .transpose(1, 2)
                      .view({matrices * height, columns})
                      .narrow(0, first - from * height, count);
                },
            .together = groups_of(stored.together, columns) * height};
  }

 private:
  static Shape stored_shape(Shape shape) {
    std::swap(shape[shape.size() - 1], shape[shape.size() - 2]);
    return shape;
  }

  // Columns from to from + count of the stored matrix of that number, as rows.
  void decode_columns(const Shape& stored, std::span<const Piece> pieces, std::int64_t matrix, std::int64_t from,
                      std::int64_t count, float* out) const {
    const auto rows = stored[stored.size() - 2], columns = stored.back();
    std::vector<float> some(static_cast<std::size_t>(std::min(rows, kAtOnce) * columns));
    for (std::int64_t row = 0; row < rows; row += kAtOnce) {
      const auto here = std::min(kAtOnce, rows - row);
      inner_->decode(stored, pieces, matrix * rows + row, here, some.data());
      for (std::int64_t i = 0; i < count; ++i)
        for (std::int64_t k = 0; k < here; ++k)
          out[i * rows + row + k] = some[static_cast<std::size_t>(k * columns + from + i)];
    }
  }

  std::shared_ptr<const Encoding> inner_;
};

}  // namespace

std::shared_ptr<const Encoding> transposed(std::shared_ptr<const Encoding> inner) {
  return std::make_shared<Transposed>(std::move(inner));
}

}  // namespace garage
