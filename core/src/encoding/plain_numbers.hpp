// Rows of float32 from numbers that lie one after another, row-major: what other encodings wrap.
#pragma once

#include <memory>

#include <garage/dtype.hpp>
#include <garage/encoding.hpp>

namespace garage {

// Of F32, F16, BF16, F8_E4M3 and F8_E5M2, little-endian; its name is the dtype's. Null for any other.
std::shared_ptr<const Encoding> plain_numbers(DType dtype);

// Of F32, F16 and BF16 in the order of a big-endian machine: "F16, big-endian". Null for any other.
std::shared_ptr<const Encoding> big_endian_numbers(DType dtype);

}  // namespace garage
