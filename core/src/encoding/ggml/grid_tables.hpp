// The grids of ggml's IQ encodings: each index stands for a point, 8 or 4 numbers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace garage::ggml {

// Point i begins at i * dimensions.
template <std::size_t points, std::size_t dimensions>
using Grid = std::array<std::int8_t, points * dimensions>;

extern const Grid<256, 8> kIQ2_XXSGrid;
extern const Grid<512, 8> kIQ2_XSGrid;
extern const Grid<1024, 8> kIQ2_SGrid;
extern const Grid<256, 4> kIQ3_XXSGrid;
extern const Grid<512, 4> kIQ3_SGrid;
extern const Grid<2048, 8> kIQ1_SGrid;

}  // namespace garage::ggml
