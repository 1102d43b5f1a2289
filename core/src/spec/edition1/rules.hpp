// What a spec of edition 1 must keep, so that its upgrade is the same model.
#pragma once

#include "document.hpp"

namespace garage::edition1 {

// A part has one place: once in the assembly, or once among the children of one other part, or in neither. What a
// blueprint names is there, of an op that can do it, and among the part's children; further ones are for `custom`
// alone. No part is part of itself. A blueprint has what edition 2 says elsewhere, or not at all.
//
// What edition 2 asks of a spec is not asked here: require_consistent does, of the upgraded one.
// Throws kInternal, naming the part, what it names and what that should be.
void require_rules(const ModelSpec& spec);

}  // namespace garage::edition1
