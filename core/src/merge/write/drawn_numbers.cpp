#include "drawn_numbers.hpp"

#include <cmath>
#include <numbers>

#include <garage/encoding.hpp>

namespace garage {

DrawnNumbers::DrawnNumbers(const std::vector<std::int64_t>& shape, std::uint64_t seed, double deviation)
    : columns_(rows_of(shape).columns), chance_(seed, 0), deviation_(deviation) {}

void DrawnNumbers::rows(std::int64_t first, std::int64_t count, float* out) const {
  for (std::int64_t i = 0; i < count * columns_; ++i)
    out[i] = static_cast<float>(deviation_ * at(static_cast<std::uint64_t>(first * columns_ + i)));
}

// Box, Muller, "A note on the generation of random normal deviates" (1958): of two even chances one normal number.
double DrawnNumbers::at(std::uint64_t index) const {
  const auto radius = std::sqrt(-2 * std::log(1 - chance_.at(2 * index)));  // of what is above 0
  return radius * std::cos(2 * std::numbers::pi * chance_.at(2 * index + 1));
}

}  // namespace garage
