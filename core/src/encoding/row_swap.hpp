// Rows stored in another order: llama.cpp keeps the numbers that a rotary embedding turns together side by side, where
// transformers has them half a head apart.
#pragma once

#include <memory>

#include <garage/encoding.hpp>

namespace garage {

// The tensor's first dimension, seen as [outer, first, second, inner], is stored as [outer, second, first, inner].
struct RowSwap {
  std::int64_t outer = 1, first = 1, second = 1, inner = 1;

  std::int64_t rows() const noexcept { return outer * first * second * inner; }
  // Where a row of the tensor is stored. Requires: 0 <= row < rows().
  std::int64_t stored(std::int64_t row) const noexcept;
};

// The same numbers as inner stores, in the swap's order. Requires: the tensor's first dimension is swap.rows().
std::shared_ptr<const Encoding> with_rows_swapped(std::shared_ptr<const Encoding> inner, RowSwap swap);

}  // namespace garage
