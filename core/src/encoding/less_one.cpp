#include "less_one.hpp"

#include <utility>

namespace garage {
namespace {

class LessOne : public Encoding {
 public:
  explicit LessOne(std::shared_ptr<const Encoding> inner) : inner_(std::move(inner)) {}

  std::string_view name() const noexcept override { return inner_->name(); }

  void decode(const Shape& shape, std::span<const Piece> pieces, std::int64_t first, std::int64_t count,
              float* out) const override {
    inner_->decode(shape, pieces, first, count, out);
    const auto numbers = count * rows_of(shape).columns;
    for (std::int64_t i = 0; i < numbers; ++i) out[i] -= 1;
  }

  OnDevice on_device(const Shape& shape, std::span<const Piece> pieces, std::span<const Array> there) const override {
    auto stored = inner_->on_device(shape, pieces, there);
    if (!stored.rows) return {};
    return {.rows = [rows = std::move(stored.rows)](std::int64_t first,
                                                    std::int64_t count) { return rows(first, count) - 1; },
            .together = stored.together};
  }

 private:
  std::shared_ptr<const Encoding> inner_;
};

}  // namespace

std::shared_ptr<const Encoding> less_one(std::shared_ptr<const Encoding> inner) {
  return std::make_shared<LessOne>(std::move(inner));
}

}  // namespace garage
