// Accounting: what keeps a plugin honest. Done by core, for every plugin alike.
#pragma once

#include <garage/export.hpp>
#include <garage/model.hpp>
#include <garage/spec.hpp>

namespace garage {

// Checks a fresh spec against the model that it was made from, and counts: `parameters` of every part and of the
// model, `dtypes`, and how many tensors each `ignored` row has (rows without any are dropped).
//
// Ensures  Every tensor of the model belongs to exactly one part, all of it, or to an ignored row. Every tensor has
//          the shape that its part's dimensions demand. A tied head's tensor is the one of the part it is tied to.
//          Parts that other parts name exist.
// Throws   kCorrupt, when model and spec disagree: a tensor that is missing, misshapen, claimed twice, partly claimed
//          or left over, by name, with both numbers. kInternal, when the spec contradicts itself: the plugin's fault.
GARAGE_API void account(ModelSpec& spec, const Model& model);

}  // namespace garage
