// The sum of some models' numbers, each times a weight of its own: what most methods end in.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "inputs.hpp"

namespace garage {

// Computed in double and rounded once, so that a model of weight 1 alone comes out as it is, bit for bit.
// Requires: a weight a model, one model at least.
void weighted_sum(std::span<const Numbers> models, std::span<const double> weights, std::span<float> out);
// The same of each piece; models by their places in the task.
PieceMerge weighted(std::vector<std::size_t> models, std::vector<double> weights);

}  // namespace garage
