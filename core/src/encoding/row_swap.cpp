#include "row_swap.hpp"

#include <utility>
#include <vector>

#include "quantised/piece_sizes.hpp"

namespace garage {
namespace {

class SwappedRows : public Encoding {
 public:
  SwappedRows(std::shared_ptr<const Encoding> inner, RowSwap swap) : inner_(std::move(inner)), swap_(swap) {}

  std::string_view name() const noexcept override { return inner_->name(); }

  void decode(const Shape& shape, std::span<const Piece> pieces, std::int64_t first, std::int64_t count,
              float* out) const override {
    if (shape.size() < 2) return decode_vector(shape, pieces, out);
    const auto [rows, columns] = rows_of(shape);
    const auto each = rows / shape.front();  // rows that belong to one of the first dimension
    for (std::int64_t row = first; row < first + count; ++row, out += columns)
      inner_->decode(shape, pieces, swap_.stored(row / each) * each + row % each, 1, out);
  }

  OnDevice on_device(const Shape& shape, std::span<const Piece> pieces, std::span<const Array> there) const override {
    auto stored = inner_->on_device(shape, pieces, there);
    if (!stored.rows) return {};
    if (shape.size() < 2) return vector_there(std::move(stored), there);
    const auto [rows, columns] = rows_of(shape);
    const auto block = rows / swap_.outer, row = rows / swap_.rows() * columns;
    return {.rows =
                [=, swap = swap_, columns = columns, stored_rows = std::move(stored.rows)](std::int64_t first,
                                                                                           std::int64_t count) {
                  const auto from = first / block, blocks = groups_of(first + count, block) - from;
                  return stored_rows(from * block, blocks * block)
                      .view({blocks, swap.second, swap.first, swap.inner * row})
                      .transpose(1, 2)
                      .view({blocks * block, columns})
                      .narrow(0, first - from * block, count);
                },
            .together = groups_of(stored.together, block) * block};
  }

 private:
  OnDevice vector_there(OnDevice stored, std::span<const Array> there) const {
    std::vector<std::int32_t> places;
    for (std::int64_t i = 0; i < swap_.rows(); ++i) places.push_back(static_cast<std::int32_t>(swap_.stored(i)));
    return {.rows = [rows = std::move(stored.rows), places = there.front().constant(std::span<const std::int32_t>(
                                                        places))](std::int64_t first, std::int64_t count) {
      return rows(first, count).transpose(0, 1).at(places).transpose(0, 1);
    }};
  }

  void decode_vector(const Shape& shape, std::span<const Piece> pieces, float* out) const {
    std::vector<float> stored(static_cast<std::size_t>(rows_of(shape).columns));
    inner_->decode(shape, pieces, 0, 1, stored.data());
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(stored.size()); ++i)
      out[i] = stored[static_cast<std::size_t>(swap_.stored(i))];
  }

  std::shared_ptr<const Encoding> inner_;
  RowSwap swap_;
};

}  // namespace

std::int64_t RowSwap::stored(std::int64_t row) const noexcept {
  const auto at_inner = row % inner, at_second = row / inner % second, at_first = row / (inner * second) % first;
  return ((row / (inner * second * first) * second + at_second) * first + at_first) * inner + at_inner;
}

std::shared_ptr<const Encoding> with_rows_swapped(std::shared_ptr<const Encoding> inner, RowSwap swap) {
  return std::make_shared<SwappedRows>(std::move(inner), swap);
}

}  // namespace garage
