// TaskParameters: what a recipe says to a method about one tensor, by name and within bounds.
//
// Lifetime  Refers to the method and the task.
// Errors    kInvalidArgument that names method, tensor, parameter, model and value.
#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <string_view>

#include "merge_method.hpp"

namespace garage {

// Which values a parameter may have, both ends included.
struct Bounds {
  double low, high;
  const char* words;  // after "has to be"
};
inline constexpr Bounds kAnyNumber{std::numeric_limits<double>::lowest(), std::numeric_limits<double>::max(), "finite"};
inline constexpr Bounds kShare{0, 1, "from 0 to 1"};
inline constexpr Bounds kNotNegative{0, std::numeric_limits<double>::max(), "0 or more"};
inline constexpr Bounds kAboveZero{std::numeric_limits<double>::denorm_min(), std::numeric_limits<double>::max(),
                                   "above 0"};

class TaskParameters {
 public:
  TaskParameters(const MergeMethod& method, const MergeTask& task) : method_(method), task_(task) {}

  // Of all models together.
  double shared(std::string_view name, const Bounds& bounds = kAnyNumber) const;
  bool flag(std::string_view name) const;
  // Of one model, by its place in the task.
  double of(std::size_t model, std::string_view name, const Bounds& bounds = kAnyNumber) const;

  // Says why the method refuses this tensor.
  [[noreturn]] void refuse(std::string_view reason) const;

 private:
  std::size_t place(std::string_view name, bool is_per_model) const;

  const MergeMethod& method_;
  const MergeTask& task_;
};

}  // namespace garage
