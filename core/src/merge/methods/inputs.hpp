// The models of a task as a method sees them: which of them are merged, and how far they are from the base.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "merge_method.hpp"

namespace garage {

using Numbers = std::span<const float>;

// All that are listed, a listed base among them: for methods that know no base.
std::vector<std::size_t> listed_models(const MergeTask& task);
// All but the base.
std::vector<std::size_t> models_beside_base(const MergeTask& task);
std::vector<Numbers> numbers_of(const MergeTask& task, std::span<const std::size_t> models);

// The base's numbers; none where there is no base.
Numbers base_numbers(const MergeTask& task);

// A task vector, model - base: arXiv:2212.04089, section 2.
std::vector<float> task_vector(Numbers model, Numbers base);

}  // namespace garage
