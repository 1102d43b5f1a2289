// TensorRef: a tensor of the model, seen through view steps from first to last, so that a module never knows a layout.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <boost/describe.hpp>

namespace garage {

// One step of a view, as torch::Tensor's method of the same name takes it.
struct ViewStep {
  enum class Kind {
    select,     // [dim, index]: drops the dimension
    narrow,     // [dim, start, length]
    transpose,  // [a, b]
    view,       // the new shape, of the same number of elements. Where strides cannot say it (GPT-NeoX's interleaved
                // heads) the module has a copy; then it is the last step
  };
  BOOST_DESCRIBE_NESTED_ENUM(Kind, select, narrow, transpose, view)

  Kind kind = Kind::view;
  std::vector<std::int64_t> arguments;

  friend bool operator==(const ViewStep&, const ViewStep&) = default;
};

struct TensorRef {
  std::string tensor;  // as the file spells it
  std::vector<ViewStep> view;

  friend bool operator==(const TensorRef&, const TensorRef&) = default;
};
BOOST_DESCRIBE_STRUCT(TensorRef, (), (tensor, view))

using TensorShape = std::vector<std::int64_t>;  // row-major; [] is a scalar

}  // namespace garage
