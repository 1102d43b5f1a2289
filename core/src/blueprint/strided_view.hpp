// StridedView: which elements of a tensor a TensorRef sees, as arithmetic on its shape.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <garage/blueprint.hpp>

namespace garage {

struct StridedView {
  std::int64_t offset = 0;  // elements
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> strides;  // elements; all > 0
  std::optional<std::vector<std::int64_t>> seen_as = std::nullopt;  // its shape, where strides cannot say it

  std::int64_t elements() const;
  bool is_contiguous() const;  // after coalesce: one run of elements
};

// The view of a row-major tensor of that shape. Throws kCorrupt, saying which step does not fit which shape, or that
// a shape is larger than any tensor's.
StridedView see(const std::vector<std::int64_t>& tensor_shape, const std::vector<ViewStep>& steps);

// The same elements with as few dimensions as possible, largest stride first.
StridedView coalesce(const StridedView& view);

// Whether two coalesced views of one tensor share an element. Views of different strides are compared by the range
// that they span, which may say yes for views that only interleave.
bool intersect(const StridedView& a, const StridedView& b);

}  // namespace garage
