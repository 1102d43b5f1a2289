// A mixture made of dense models: which tensors it has in the place of the base's feed-forwards, and which of its parts
// are whose.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "../recipe/recipe.hpp"
#include "merge_source.hpp"
#include "mixture_table.hpp"
#include "placed_parts.hpp"
#include "result_tensors.hpp"

namespace garage {

// Makes of what the result would be without it what it is as a mixture. Throws kInvalidArgument when a feed-forward of
// the base has a tensor that an expert has not (a bias), kUnsupported when the base has no dense feed-forwards, and as
// MixtureTable::config_of.
void make_mixture(const MixtureTable& table, const RecipeMixture& mixture, const MergeSource& base,
                  ResultTensors& tensors, boost::json::object& config);

// The models of a mixture, as places in MergeSources.
struct MixtureSources {
  std::vector<std::size_t> experts;
  std::optional<std::size_t> router;
};
// Throws kUnsupported for a base that no plugin knows, and as MergeSources::open.
MixtureSources open_mixture(const RecipeMixture& mixture, MergeSources& sources, std::size_t base);

// The result's experts, each in every layer that layer's feed-forward of its model; and its routers, those of another
// mixture or random numbers.
// Throws kInvalidArgument when a model has other numbers of layers or of experts; kUnsupported when the result's
// feed-forwards are no mixtures of that many experts and nothing else: then the table says what its family's plugin
// reads otherwise.
std::vector<PlacedPart> place_mixture(const ModelSpec& result, const RecipeMixture& mixture,
                                      const MergeSources& sources, const MixtureSources& models);

std::set<std::string> feed_forwards_of(const ModelSpec& spec);  // "ffn_0", ...

}  // namespace garage
