// Which part of one model is which of another's: they stand in the same places of the same blueprints.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include <garage/spec.hpp>

namespace garage {

using PartPairs = std::map<std::string, std::string>;  // a part of the result to the source's

// The part of that name and what it is made of, with the other and what that is made of. A part of the first whose
// place the second does not have has no pair.
void pair_parts(const ModelSpec& result, const std::string& part, const ModelSpec& source, const std::string& other,
                PartPairs& pairs);

// Of two whole models: their stacks' embeddings in order; what stands before, between and behind their layers, in
// order; of the layers those that layer_of says (nothing: no pair); and of what is in no stack what bears the same
// name.
void pair_models(const ModelSpec& result, const ModelSpec& source,
                 const std::function<std::optional<std::int64_t>(std::int64_t)>& layer_of, PartPairs& pairs);

// Whether the model is one stack with layers of the names "layer_<i>", so that layers may be taken from it one by one.
bool has_one_stack(const ModelSpec& spec);

// The number of a layer of the main stack, by the name of its part; nothing for any other part.
std::optional<std::int64_t> layer_number(const ModelSpec& spec, const std::string& part);

}  // namespace garage
