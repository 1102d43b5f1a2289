// What an assembly of edition 1 is in edition 2: the model's root.
#pragma once

#include <string>
#include <vector>

#include <garage/spec.hpp>

namespace garage::edition1 {

// Requires  Every part of the assembly is in the spec, whose parts are upgraded.
// Ensures   An assembly of one part, as an extracted part's file has it, is that part. A longer one is a stack, a part
//           of its own behind all others: `model`, or the next of `model_`, `model__`, ... that is free. No root where
//           there is no assembly, or none that a stack may be made of.
void add_root(garage::ModelSpec& spec, const std::vector<std::string>& assembly);

}  // namespace garage::edition1
