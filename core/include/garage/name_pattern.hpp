// Patterns over tensors' names, as rows of what a spec leaves out have them.
#pragma once

#include <string_view>

#include <garage/export.hpp>

namespace garage {

// Each * stands for any characters.
GARAGE_API bool fits_pattern(std::string_view pattern, std::string_view name);

}  // namespace garage
