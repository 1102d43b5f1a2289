#include "view_steps.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <boost/describe.hpp>

#include <garage/error.hpp>
#include <garage/model.hpp>

namespace garage::python {
namespace {

using Shape = std::vector<std::int64_t>;

bool has_dim(const Tensor& tensor, std::int64_t dim) {
  return dim >= 0 && dim < static_cast<std::int64_t>(tensor.shape.size());
}

bool fits(const Tensor& tensor, const ViewStep& step) {
  const auto& a = step.arguments;
  switch (step.kind) {
    case ViewStep::Kind::select:
      return a.size() == 2 && has_dim(tensor, a[0]) && a[1] >= 0 && a[1] < tensor.shape[a[0]];
    case ViewStep::Kind::narrow:
      return a.size() == 3 && has_dim(tensor, a[0]) && a[1] >= 0 && a[2] >= 0 && a[1] <= tensor.shape[a[0]] &&
             a[2] <= tensor.shape[a[0]] - a[1];
    case ViewStep::Kind::transpose: return a.size() == 2 && has_dim(tensor, a[0]) && has_dim(tensor, a[1]);
    case ViewStep::Kind::view: {
      std::int64_t elements = 1;
      for (const auto dim : a)
        if (dim < 0 || __builtin_mul_overflow(elements, dim, &elements)) return false;
      return elements == tensor.elements();
    }
  }
  return false;
}

// Strides of the same elements in another shape; nothing when strides cannot say it. Runs of dimensions that lie one
// after another are taken apart as one (as PyTorch's computeStride does it). Requires: there are elements.
std::optional<Shape> strides_for(const Tensor& tensor, const Shape& shape) {
  Shape strides(shape.size(), 1);
  auto to = static_cast<std::int64_t>(shape.size()) - 1;
  std::int64_t run = 1, base = tensor.strides.empty() ? 1 : tensor.strides.back();
  for (auto from = static_cast<std::int64_t>(tensor.shape.size()) - 1; from >= 0; --from) {
    run *= tensor.shape[from];
    const bool goes_on = from > 0 && (tensor.shape[from - 1] == 1 || tensor.strides[from - 1] == run * base);
    if (goes_on) continue;
    std::int64_t taken = 1;
    while (to >= 0 && (taken < run || shape[to] == 1)) {
      strides[to] = taken * base;
      taken *= shape[to--];
    }
    if (taken != run) return std::nullopt;
    if (from > 0) {
      base = tensor.strides[from - 1];
      run = 1;
    }
  }
  return strides;
}

void move_to(Tensor& tensor, std::int64_t elements) {
  tensor.data += elements * static_cast<std::int64_t>(tensor.width());
}

Tensor in_shape(Tensor tensor, const Shape& shape) {
  if (tensor.elements() == 0) {
    tensor.strides = row_major(shape);
  } else if (auto strides = strides_for(tensor, shape)) {
    tensor.strides = std::move(*strides);
  } else {
    tensor = copied(tensor);
    tensor.strides = row_major(shape);
  }
  tensor.shape = shape;
  return tensor;
}

Tensor stepped(Tensor tensor, const ViewStep& step) {
  const auto& a = step.arguments;
  switch (step.kind) {
    case ViewStep::Kind::select:
      move_to(tensor, a[1] * tensor.strides[a[0]]);
      tensor.shape.erase(tensor.shape.begin() + a[0]);
      tensor.strides.erase(tensor.strides.begin() + a[0]);
      break;
    case ViewStep::Kind::narrow:
      move_to(tensor, a[1] * tensor.strides[a[0]]);
      tensor.shape[a[0]] = a[2];
      break;
    case ViewStep::Kind::transpose:
      std::swap(tensor.shape[a[0]], tensor.shape[a[1]]);
      std::swap(tensor.strides[a[0]], tensor.strides[a[1]]);
      break;
    case ViewStep::Kind::view: return in_shape(std::move(tensor), a);
  }
  return tensor;
}

}  // namespace

std::string step_text(const ViewStep& step) {
  return boost::describe::enum_to_string(step.kind, "?") + (" " + shape_text(step.arguments));
}

Tensor seen_through(Tensor tensor, std::span<const ViewStep> view) {
  for (const auto& step : view) {
    if (!fits(tensor, step))
      throw Error(Errc::kInvalidArgument,
                  "tensor '" + tensor.name + "': " + step_text(step) + " does not fit " + shape_text(tensor.shape));
    tensor = stepped(std::move(tensor), step);
  }
  return tensor;
}

}  // namespace garage::python
