// Quantised weights that are copied as they are.
#pragma once

#include "plan.hpp"

namespace garage {

// Where nothing but whole tensors changes its place, and all models are quantised in the same way, what is packed is
// copied: the plan's tensors are then those that the files have. Otherwise the plan stays as it is, and decodes.
// Throws kInvalidArgument when a model lacks one of the packed tensors, or has it in another shape.
void keep_packed(MergePlan& plan);

}  // namespace garage
