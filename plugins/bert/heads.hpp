#pragma once

#include <string>
#include <vector>

#include "member.hpp"

namespace garage::bert {

std::vector<std::string> vocabulary_modules(HeadNames names);  // as StackNames::heads

// Adds the head of the model's class. activation: the config's, of the layers.
void add_head(sdk::StackBuilder& text, const Member& member, const sdk::ConfigReader& config,
              const std::string& activation, const sdk::NormStyle& norm);

}  // namespace garage::bert
