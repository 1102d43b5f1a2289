#include "strided_view.hpp"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/model.hpp>

namespace garage {
namespace {

using Shape = std::vector<std::int64_t>;

std::int64_t last_element(const StridedView& view) {
  auto last = view.offset;
  for (std::size_t i = 0; i < view.shape.size(); ++i) last += (view.shape[i] - 1) * view.strides[i];
  return last;
}

// No tensor reaches further; sums of a few distances within it are numbers of 64 bits.
constexpr std::int64_t kFurthest = std::int64_t{1} << 60;  // elements

Shape row_major(const Shape& shape) {
  Shape strides(shape.size(), 1);
  std::int64_t reach = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    strides[i] = reach;
    if (__builtin_mul_overflow(reach, std::max<std::int64_t>(shape[i], 1), &reach) || reach > kFurthest)
      throw Error(Errc::kCorrupt, fmt::format("{} has more elements than the {} of the largest tensor",
                                              shape_text(shape), kFurthest));
  }
  return strides;
}

class Stepper {
 public:
  explicit Stepper(const Shape& shape) : view_{0, shape, row_major(shape)} {}
  StridedView take() { return std::move(view_); }

  void step(const ViewStep& step) {
    const auto& a = step.arguments;
    using Kind = ViewStep::Kind;
    require(step, !view_.seen_as);  // nothing follows a view that copies
    switch (step.kind) {
      case Kind::select:
        require(step, a.size() == 2 && dim_exists(a[0]) && a[1] >= 0 && a[1] < view_.shape[a[0]]);
        view_.offset += a[1] * view_.strides[a[0]];
        view_.shape.erase(view_.shape.begin() + a[0]);
        view_.strides.erase(view_.strides.begin() + a[0]);
        break;
      case Kind::narrow:
        require(step, a.size() == 3 && dim_exists(a[0]) && a[1] >= 0 && a[2] >= 0 && a[1] <= view_.shape[a[0]] &&
                          a[2] <= view_.shape[a[0]] - a[1]);
        view_.offset += a[1] * view_.strides[a[0]];
        view_.shape[a[0]] = a[2];
        break;
      case Kind::transpose:
        require(step, a.size() == 2 && dim_exists(a[0]) && dim_exists(a[1]));
        std::swap(view_.shape[a[0]], view_.shape[a[1]]);
        std::swap(view_.strides[a[0]], view_.strides[a[1]]);
        break;
      case Kind::view:
        require(step, std::all_of(a.begin(), a.end(), [](auto dim) { return dim >= 0; }) &&
                          StridedView{0, a, {}}.elements() == view_.elements());
        if (view_.strides == row_major(view_.shape)) {
          view_.shape = a;
          view_.strides = row_major(a);
        } else {
          view_.seen_as = a;  // the same elements, which a copy has in this shape
        }
        break;
    }
  }

 private:
  bool dim_exists(std::int64_t dim) const { return dim >= 0 && dim < static_cast<std::int64_t>(view_.shape.size()); }

  void require(const ViewStep& step, bool fits) const {
    if (!fits)
      throw Error(Errc::kCorrupt, fmt::format("{} {} does not fit {}", boost::describe::enum_to_string(step.kind, ""),
                                              shape_text(step.arguments), shape_text(view_.shape)));
  }

  StridedView view_;
};

// Whether a and b, of equal strides from dimension k on, meet when b's origin lies `distance` after a's. Strides are
// nested (each spans the smaller ones), so that at most a few steps of dimension k can bridge the distance.
bool meet(const StridedView& a, const StridedView& b, std::size_t k, std::int64_t distance) {
  if (k == a.shape.size()) return distance == 0;
  std::int64_t below_a = 0, below_b = 0;  // how far the smaller dimensions reach
  for (auto i = k + 1; i < a.shape.size(); ++i) {
    below_a += (a.shape[i] - 1) * a.strides[i];
    below_b += (b.shape[i] - 1) * b.strides[i];
  }
  // a's index minus b's index in dimension k, such that the rest can still make up the difference.
  const auto stride = a.strides[k];
  const auto floor_div = [](std::int64_t x, std::int64_t y) { return x >= 0 ? x / y : -((-x + y - 1) / y); };
  const auto low = std::max(-(b.shape[k] - 1), floor_div(distance - below_a + stride - 1, stride));
  const auto high = std::min(a.shape[k] - 1, floor_div(distance + below_b, stride));
  for (auto steps = low; steps <= high; ++steps)
    if (meet(a, b, k + 1, distance - steps * stride)) return true;
  return false;
}

}  // namespace

std::int64_t StridedView::elements() const { return TensorInfo{"", DType::kF32, shape}.elements(); }

bool StridedView::is_contiguous() const { return shape.empty() || (shape.size() == 1 && strides[0] == 1); }

StridedView see(const Shape& tensor_shape, const std::vector<ViewStep>& steps) {
  Stepper stepper(tensor_shape);
  for (const auto& step : steps) stepper.step(step);
  return stepper.take();
}

StridedView coalesce(const StridedView& view) {
  std::vector<std::size_t> order(view.shape.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return view.strides[a] > view.strides[b]; });
  StridedView merged{view.offset, {}, {}};
  for (const auto i : order) {
    if (view.shape[i] == 1) continue;
    if (!merged.shape.empty() && merged.strides.back() == view.shape[i] * view.strides[i]) {
      merged.shape.back() *= view.shape[i];
      merged.strides.back() = view.strides[i];
    } else {
      merged.shape.push_back(view.shape[i]);
      merged.strides.push_back(view.strides[i]);
    }
  }
  return merged;
}

bool intersect(const StridedView& a, const StridedView& b) {
  if (a.elements() == 0 || b.elements() == 0) return false;
  if (last_element(a) < b.offset || last_element(b) < a.offset) return false;
  return a.strides != b.strides || meet(a, b, 0, b.offset - a.offset);
}

}  // namespace garage
