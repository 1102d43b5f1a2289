// GPTQ, as AutoGPTQ, GPTQModel and optimum write it.
#pragma once

#include <cstdint>
#include <memory>

#include <garage/dtype.hpp>
#include <garage/encoding.hpp>

namespace garage {

struct GptqLayout {
  int bits = 4;                 // 2, 3, 4 or 8
  std::int64_t groups = 1;      // of columns
  std::int64_t group_size = 0;  // columns; of no use where has_order
  bool is_less_one = true;      // zeros are stored less 1: checkpoint_format "gptq"; "gptq_v2" has them as they are
  bool has_order = false;
  DType scales = DType::kF16;  // F32, F16 or BF16
};

// Of a tensor [rows, columns]. Extents: qweight I32 [columns * bits / 32, rows], qzeros I32 [groups, rows * bits / 32],
// scales [groups, rows]; and where has_order g_idx I32 [columns].
// Requires: columns * bits and rows * bits are whole words.
std::shared_ptr<const Encoding> gptq(const GptqLayout& layout);

}  // namespace garage
