// A hash of bytes for places where two of the same mean the same bytes: XXH3, 128 bits.
#pragma once

#include <string>
#include <string_view>

namespace garage {

std::string text_hash(std::string_view text);  // 32 digits of hex

}  // namespace garage
