#include <garage/encoding.hpp>

namespace garage {

Encoding::~Encoding() = default;

Encoding::OnDevice Encoding::on_device(const Shape&, std::span<const Piece>, std::span<const Array>) const {
  return {};
}

Rows rows_of(const Encoding::Shape& shape) noexcept {
  if (shape.empty()) return {};
  Rows rows{1, shape.back()};
  for (std::size_t i = 0; i + 1 < shape.size(); ++i) rows.count *= shape[i];
  return rows;
}

}  // namespace garage
