// `garage run`: a part, a whole model or an extracted part on what a file holds.
#pragma once

#include <garage/nn/commands.hpp>

namespace garage::nn {

RunReport run(const ModelRegistry& registry, const RunRequest& request);

}  // namespace garage::nn
