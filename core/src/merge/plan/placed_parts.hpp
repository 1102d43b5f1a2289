// Parts of the result that are other models' as they are: those that a recipe puts somewhere, the experts of a mixture
// and its routers. All else is what the recipe's method makes.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "../recipe/recipe.hpp"
#include "origins.hpp"
#include "part_pairs.hpp"
#include "seams.hpp"

namespace garage {

struct PlacedPart {
  std::string where;                  // of the recipe, for errors
  std::optional<std::size_t> source;  // of MergeSources; nothing: numbers are drawn
  PartPairs pairs;                    // the result's part and the source's, and what both are made of
  std::vector<std::string> heads;     // of the pairs those that are placed, and not because they are in one that is
};

// What a recipe puts somewhere. Throws kNotFound when the result or the source has no such part.
PlacedPart place_part(const ModelSpec& result, const RecipePart& wanted, const MergeSources& sources,
                      std::size_t source);

class PlacedParts {
 public:
  // Of two that have the same part the later one counts.
  void add(PlacedPart placed);

  // The one that all of a tensor's numbers are of; null where they are the method's.
  // Throws kUnsupported when some of them are another's.
  const PlacedPart* find(const TensorInfo& tensor, const std::vector<RoleOfTensor>& roles) const;

  void check(SeamCheck& check, const MergeSources& sources) const;

  // For a summary: "attention_5: models/b: attention_7".
  std::vector<std::string> lines(const MergeSources& sources) const;

 private:
  std::vector<PlacedPart> all_;
  std::map<std::string, std::size_t> by_part_;
};

}  // namespace garage
