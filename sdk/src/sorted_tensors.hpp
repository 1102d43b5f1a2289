// A model's tensors are sorted by name: those that begin alike lie together.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include <garage/model.hpp>

namespace garage::sdk {

// The first tensor whose name is not before start.
inline auto first_from(const std::vector<TensorInfo>& tensors, const std::string& start) {
  return std::lower_bound(tensors.begin(), tensors.end(), start,
                          [](const TensorInfo& tensor, const std::string& name) { return tensor.name < name; });
}

}  // namespace garage::sdk
