// The numbers that a model has for one tensor of the result.
#pragma once

#include <cstdint>
#include <memory>

#include "../plan/plan.hpp"

namespace garage {

// Threads  Const once made; rows may be called from several threads at once.
class ModelNumbers {
 public:
  virtual ~ModelNumbers() = default;
  // Rows (encoding.hpp) of the result's tensor, as float32.
  virtual void rows(std::int64_t first, std::int64_t count, float* out) const = 0;
};

// Of the origin of that place in planned.origins, which with the plan outlives it. What is put together from several
// tensors is in memory, whole.
std::unique_ptr<ModelNumbers> numbers_of(const MergePlan& plan, const PlannedTensor& planned, std::size_t origin);

}  // namespace garage
