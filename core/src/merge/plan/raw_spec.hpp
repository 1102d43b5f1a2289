// A model that no plugin knows, by the names of its tensors alone: layers where names are numbered from 0 on, and a
// part of all that is left. Enough to say which tensor of one model is which of another's, and nothing of what they
// compute.
#pragma once

#include <garage/model.hpp>
#include <garage/spec.hpp>

namespace garage {

inline constexpr const char* kRestOfRaw = "rest";  // the part of what lies in no layer

ModelSpec raw_spec(const Model& model);

}  // namespace garage
