// TaskVectorMethod: base + lambda * (sum of weight * sparsified task vector), with or without an election of signs,
// divided by the weights or not. Task arithmetic (arXiv:2212.04089) and what has been built upon it.
#pragma once

#include <cstddef>
#include <span>

#include "chance.hpp"
#include "described_method.hpp"
#include "sparsify.hpp"

namespace garage {

class TaskVectorMethod : public DescribedMethod {
 public:
  enum class Signs { all, elected };

  TaskVectorMethod(std::string_view name, std::span<const MergeParameter> parameters, Signs signs,
                   bool is_in_place = false)
      : DescribedMethod({.name = name,
                         .parameters = parameters,
                         .base = MergeBase::required,
                         .is_in_place = is_in_place,
                         .least = 0}),
        signs_(signs) {}

 protected:
  // One model's task vector, of which a part is to stay.
  struct TaskVector {
    std::size_t model;  // by its place in the task
    const NumberPieces& numbers;
    std::size_t count, columns;
    double density;
    Chance chance;
  };

 private:
  // Where all stay, an empty one.
  virtual Sparsify sparsify(const TaskVector& vector, const TaskParameters& said) const = 0;
  PieceMerge prepare(const MergeTask& task, const TaskParameters& said, const MergePieces& pieces) const override;

  Signs signs_;
};

}  // namespace garage
