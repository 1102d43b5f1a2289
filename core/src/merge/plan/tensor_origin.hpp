// Where the numbers of one tensor of the result come from, as one model has them.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <garage/model.hpp>

#include "../../blueprint/strided_view.hpp"
#include "merge_source.hpp"

namespace garage {

// Some elements of a tensor are some of another, in the same order.
struct TensorPatch {
  StridedView to;          // of the result's tensor
  std::size_t source = 0;  // of MergeSources
  const TensorInfo* tensor = nullptr;
  StridedView from;  // of that
};

struct TensorOrigin {
  // One tensor as it is; by the plan of the vocabulary where its rows are to be gathered.
  std::optional<std::size_t> source;
  const TensorInfo* tensor = nullptr;
  bool is_gathered = false;
  // Else pieces that together are all of it.
  std::vector<TensorPatch> patches;
  // Else nobody's: normal numbers around 0 of this standard deviation, by the tensor's seed.
  std::optional<double> drawn;

  bool is_whole() const noexcept { return tensor && !is_gathered; }
};

// What a source's name for the tensor is: for filters of a recipe.
std::string name_of(const TensorOrigin& origin);

}  // namespace garage
