// From edition 1 to edition 2: the same model in other words.
#pragma once

#include <garage/spec.hpp>

#include "document.hpp"

namespace garage::edition1 {

// Requires  require_rules.
// Ensures   Every part keeps its name and its place in the order. A root that is an assembly in edition 1 comes last.
garage::ModelSpec upgraded(ModelSpec&& spec);

}  // namespace garage::edition1
