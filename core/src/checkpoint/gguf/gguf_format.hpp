// GGUF files: one, or the parts of a split one.
#pragma once

#include "../format.hpp"

namespace garage {

const Format& gguf_format();

}  // namespace garage
