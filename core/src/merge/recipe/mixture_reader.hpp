// `mixture:` of a recipe.
#pragma once

#include "recipe.hpp"

namespace garage {

// Throws kInvalidArgument with line and column: a key that is missing, fewer than two experts, more or fewer of a token
// than there are.
RecipeMixture read_mixture(const YamlReader& value);

}  // namespace garage
