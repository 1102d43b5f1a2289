// The op of each blueprint, in the order of the variant.
#pragma once

#include <iterator>
#include <variant>

#include <garage/blueprint.hpp>

namespace garage {

inline constexpr const char* kBlueprintOps[] = {"linear",  "norm",      "rope",        "attention", "feed_forward",
                                                "mixture", "embedding", "output_head", "layer",     "custom"};
static_assert(std::size(kBlueprintOps) == std::variant_size_v<Blueprint>);

}  // namespace garage
