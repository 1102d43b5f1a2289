// A README.md that says how a model was made, as hubs read it.
#pragma once

#include <string>

#include "../plan/plan.hpp"

namespace garage {

std::string model_card(const MergePlan& plan);

}  // namespace garage
