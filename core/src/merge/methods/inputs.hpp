// The models of a task as a method sees them: which of them are merged, and how far they are from the base.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "merge_method.hpp"

namespace garage {

using Numbers = std::span<const float>;

// Some numbers, told piece by piece in their order, as often as they are asked for.
using NumberPieces = std::function<void(const std::function<void(Numbers)>& see)>;

// All that are listed, a listed base among them: for methods that know no base.
std::vector<std::size_t> listed_models(const MergeTask& task);
// All but the base.
std::vector<std::size_t> models_beside_base(const MergeTask& task);
std::vector<Numbers> numbers_of(const MergePiece& piece, std::span<const std::size_t> models);

// A task vector, model - base: arXiv:2212.04089, section 2.
void task_vector(Numbers model, Numbers base, std::vector<float>& delta);
// That of a whole tensor. The arguments outlive what it answers.
NumberPieces task_vector_pieces(const MergePieces& pieces, std::size_t model, std::size_t base);

}  // namespace garage
