// Where a layer of the result comes from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace garage {

struct LayerOrigin {
  std::size_t slice = 0;             // of the recipe
  std::int64_t at = 0, of = 0;       // its place among the slice's layers
  std::vector<std::int64_t> layers;  // of each source of the slice
  std::int64_t pattern = 0;          // the base's layer after whose tensors its own are called
};

}  // namespace garage
