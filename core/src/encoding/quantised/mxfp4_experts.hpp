// MXFP4, as GPT-OSS has its experts: matrices that are stored the other way round.
#pragma once

#include <memory>

#include <garage/encoding.hpp>

namespace garage {

// Of a tensor [experts, rows, columns]. Extents: blocks U8 [experts, columns, rows / 32, 16], scales U8 [experts,
// columns, rows / 32]. Requires: rows is a multiple of 32.
std::shared_ptr<const Encoding> mxfp4_experts();

}  // namespace garage
