// Accounting: what keeps a plugin honest. Done by core, for every plugin alike.
#pragma once

#include <garage/export.hpp>
#include <garage/model.hpp>
#include <garage/spec.hpp>
#include <garage/tensor_roles.hpp>

namespace garage {

// Checks a fresh spec against the model that it was made from, and counts: `parameters` of every part and of the
// model, `dtypes`, and how many tensors each `ignored` row has (rows without any are dropped).
//
// Ensures  Every tensor of the model belongs to exactly one part, all of it, or to an ignored row. Every tensor has
//          the shape that its part's dimensions demand. A tied head's tensor is the one of the part it is tied to.
//          What parts name is there and fits, no part is part of itself, and every size is a count of 64 bits.
// Throws   kCorrupt, when model and spec disagree: a tensor that is missing, misshapen, claimed twice, partly claimed
//          or left over, by name, with both numbers. kInternal, when the spec contradicts itself: the plugin's fault.
GARAGE_API void account(ModelSpec& spec, const Model& model);

// The one tensor of a part, by itself: for whoever reads weights by a spec that may not have been made from them.
// Throws kCorrupt, naming tensor, part and both shapes, unless the role's view of it has the role's shape.
GARAGE_API void require_shape(const TensorInfo& tensor, const std::string& part, const TensorRole& role);

}  // namespace garage
