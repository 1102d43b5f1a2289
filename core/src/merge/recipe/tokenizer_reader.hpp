// `tokenizer:` and `tokenizer_source:` of a recipe.
#pragma once

#include "recipe.hpp"

namespace garage {

// Both throw kInvalidArgument with line and column.
// has_base: whether the recipe names a base model.
RecipeTokenizer read_tokenizer(const YamlReader& value, bool has_base);
RecipeTokenizer read_tokenizer_source(const YamlReader& value, bool has_base);

}  // namespace garage
