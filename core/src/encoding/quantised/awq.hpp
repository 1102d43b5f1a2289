// AWQ, as AutoAWQ and GPTQModel write it in the version "gemm".
#pragma once

#include <cstdint>
#include <memory>

#include <garage/dtype.hpp>
#include <garage/encoding.hpp>

namespace garage {

// Of a tensor [rows, columns]. Extents: qweight I32 [columns, rows / 8], qzeros I32 [columns / group_size, rows / 8],
// scales [columns / group_size, rows]. Requires: rows is a multiple of 8, columns of group_size; scales are F32, F16 or
// BF16.
std::shared_ptr<const Encoding> awq(std::int64_t group_size, DType scales);

}  // namespace garage
