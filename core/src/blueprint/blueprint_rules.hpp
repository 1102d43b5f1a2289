// What a blueprint must keep by itself, whatever its part and its model.
//
// Whoever reads a document leans on it: a member that is missing there has its C++ default, and where that is nothing
// that a part could compute with (no heads, a tensor without a name), this says so.
#pragma once

#include <optional>
#include <string>

#include <garage/blueprint.hpp>

namespace garage {

// The first fault, naming the member: "has no 'heads'", "has window -1, should be above 0". Nothing when there is none.
std::optional<std::string> blueprint_fault(const Blueprint& blueprint);

}  // namespace garage
