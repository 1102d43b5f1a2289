// The numbers of the result's tensors, made and written.
#pragma once

#include <cstdint>

#include "../../checkpoint/safetensors/sharded_writer.hpp"
#include "../plan/plan.hpp"

namespace garage {

class TensorMerger {
 public:
  explicit TensorMerger(const MergePlan& plan);  // which outlives it

  // For ShardedWriter::Work.
  std::int64_t rows_at_once(const TensorInfo& tensor) const;
  void fill(const TensorInfo& tensor, std::int64_t first, std::int64_t count, NewRange& out) const;

 private:
  const PlannedTensor& planned(const TensorInfo& tensor) const;
  void copy(const PlannedTensor& planned, std::int64_t first, std::int64_t count, NewRange& out) const;
  void merge(const PlannedTensor& planned, std::int64_t first, std::int64_t count, NewRange& out) const;

  const MergePlan& plan_;
};

// Bytes of numbers that one thread has in memory for it, at most.
std::uint64_t memory_of(const MergePlan& plan, const PlannedTensor& planned);

}  // namespace garage
