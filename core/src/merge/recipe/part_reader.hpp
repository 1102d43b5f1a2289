// `parts:` of a recipe.
#pragma once

#include "recipe.hpp"

namespace garage {

// part: the key. Throws kInvalidArgument with line and column.
RecipePart read_part(const std::string& part, const YamlReader& value);

}  // namespace garage
