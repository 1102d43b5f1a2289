// PartTree: a spec's parts as what they are made of.
//
//   What a blueprint names is there, and of an op that may stand in that place.
//   A part has one place: it lies in one other part, or is the root, or neither. In its place it comes once, but that a
//   stack may run a step again, and that branches of one stage may share a norm.
//   Parts nest, and not too deeply. So nothing is part of itself, and whoever follows what blueprints name comes to an
//   end, after as many steps as there are names.
#pragma once

#include <garage/spec.hpp>

namespace garage {

inline constexpr int kMaxPartDepth = 16;  // parts within parts

// Throws kInternal, naming the part, what it names and what that should be.
void require_part_tree(const ModelSpec& spec);

}  // namespace garage
