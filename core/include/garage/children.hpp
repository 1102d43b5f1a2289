// Children: the parts that a part is made of. They follow from its blueprint.
#pragma once

#include <string>
#include <vector>

#include <garage/export.hpp>
#include <garage/spec.hpp>

namespace garage {

// Each once, in the order of the blueprint. None of a part without a blueprint.
GARAGE_API std::vector<std::string> children_of(const PartSpec& part);

}  // namespace garage
