// Float32 numbers as bytes of another dtype.
#pragma once

#include <span>
#include <string>

#include <garage/dtype.hpp>

namespace garage {

// F32, BF16 or F16, little-endian: of the narrow ones the nearest number, ties to even. Requires: one of the three.
std::string narrowed(std::span<const float> numbers, DType dtype);

// Each as it would be read again from such bytes.
void round_to(DType dtype, std::span<float> numbers);

}  // namespace garage
