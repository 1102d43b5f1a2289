// PartTree: a spec's parts as what they are made of.
//
//   A part has one place: once in the assembly, or once among the children of one other part, or in neither.
//   What a blueprint names is there, of an op that can do it, and among the part's children.
//   Children that no blueprint names are for `custom` parts alone: nobody would compute them.
//   Parts nest, and not too deeply. So nothing is part of itself, and whoever follows children or what blueprints name
//   comes to an end, after as many steps as there are names.
#pragma once

#include <garage/spec.hpp>

namespace garage {

inline constexpr int kMaxPartDepth = 16;  // parts within parts

// Throws kInternal, naming the part, what it names and what that should be.
void require_part_tree(const ModelSpec& spec);

}  // namespace garage
