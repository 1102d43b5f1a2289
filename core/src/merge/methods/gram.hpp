// Gram: the dot products of some vectors with each other. Angles, lengths and whatever lies in the vectors' span follow
// from it, so that methods which look at geometry read the numbers once.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "inputs.hpp"

namespace garage {

class Gram {
 public:
  // Of the vectors as they are, or as seen from an origin. Sums are in double: a float32 loses the angle between two
  // models of a billion numbers.
  explicit Gram(std::span<const Numbers> vectors, Numbers origin = {});

  std::size_t size() const noexcept { return size_; }
  double dot(std::size_t a, std::size_t b) const noexcept { return products_[a * size_ + b]; }
  double length(std::size_t a) const noexcept { return std::sqrt(dot(a, a)); }

 private:
  std::size_t size_;
  std::vector<double> products_;
};

// The length of the sum of the vectors, each times its weight.
double length_of_sum(const Gram& gram, std::span<const double> weights) noexcept;

}  // namespace garage
