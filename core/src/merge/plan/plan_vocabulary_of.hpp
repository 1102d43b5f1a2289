// The vocabulary that a recipe asks for, of the models that it names.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "../recipe/recipe.hpp"
#include "../tokens/vocabulary_plan.hpp"
#include "merge_source.hpp"

namespace garage {

// Nothing where the recipe has no word of it: then all models have to have the base's vocabulary. A model is its place
// in sources. Throws kInvalidArgument when vocabularies differ, and what plan_vocabulary throws.
std::optional<VocabularyPlan> plan_vocabulary_of(const Recipe& recipe, MergeSources& sources, std::size_t base);

}  // namespace garage
