// Scales, in the dtypes in which quantisers write them.
#pragma once

#include <cstdint>

#include <garage/array.hpp>
#include <garage/dtype.hpp>

#include "../readers.hpp"

namespace garage {

// Numbers first to first + count of an array that begins there, at any alignment, as float32. U8 is the exponent of a
// power of two, as F8_E8M0, and 255 is infinite instead of no number (transformers: integrations/finegrained_fp8.py,
// `(scales - 127).exp2()`; compressed_tensors: compressors/mx_utils.py).
//
// Requires  dtype is F32, F16, BF16, F8_E4M3, F8_E8M0 or U8.
void read_scales(DType dtype, const std::uint8_t* begin, std::int64_t first, std::int64_t count, float* out) noexcept;

// The same on a device. like: any array of it.
Reader reader_of_scales(DType dtype, const Array& like);

}  // namespace garage
