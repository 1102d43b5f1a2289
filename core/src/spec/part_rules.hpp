// What one part must keep by itself: numbers that agree, and that 64 bits can count.
#pragma once

#include <string>

#include <garage/spec.hpp>

namespace garage {

// Requires: blueprint_fault finds none in the spec, and require_part_tree has seen it.
// Throws kInternal, naming the part, the number and what it should be.
void require_part_rules(const ModelSpec& spec, const std::string& name, const PartSpec& part);

}  // namespace garage
