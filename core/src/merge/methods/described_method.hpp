// DescribedMethod: a merge method that says what it is as data, and so has nothing to write but its numbers.
#pragma once

#include <cstddef>
#include <limits>
#include <span>
#include <string_view>

#include "merge_method.hpp"
#include "task_parameters.hpp"

namespace garage {

struct MethodDescription {
  std::string_view name;
  std::span<const MergeParameter> parameters;
  MergeBase base = MergeBase::none;
  bool is_in_place = false;
  std::size_t least = 1, most = std::numeric_limits<std::size_t>::max();  // models to be merged, the base not counted
};

class DescribedMethod : public MergeMethod {
 public:
  explicit DescribedMethod(const MethodDescription& description) : description_(description) {}

  std::string_view name() const noexcept final { return description_.name; }
  std::span<const MergeParameter> parameters() const noexcept final { return description_.parameters; }
  MergeBase base() const noexcept final { return description_.base; }
  bool is_in_place() const noexcept final { return description_.is_in_place; }
  void require_models(std::size_t models, bool has_base) const final;
  PieceMerge begin(const MergeTask& task, const MergePieces& pieces) const final;

 private:
  // Requires: there is at least one number. What it answers outlives the arguments.
  virtual PieceMerge prepare(const MergeTask& task, const TaskParameters& said, const MergePieces& pieces) const = 0;

  MethodDescription description_;
};

}  // namespace garage
