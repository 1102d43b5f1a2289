// What bitsandbytes says of a 4-bit weight: JSON that stands in a tensor of bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "../../encoding/quantised/bitsandbytes.hpp"

namespace garage {

struct QuantState {
  std::vector<std::int64_t> shape;  // of the weight; each above 0, and all together less than 2^62
  std::string type;                 // "nf4" or "fp4"
  Bitsandbytes4Bit layout;
};

// subject opens every message. Throws kCorrupt.
QuantState read_quant_state(std::string_view text, const std::string& subject);

}  // namespace garage
