// Gram: the dot products of some vectors with each other. Angles, lengths and whatever lies in the vectors' span follow
// from it, so that methods which look at geometry read the numbers once.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "inputs.hpp"

namespace garage {

class Gram {
 public:
  // Of so many vectors, of which no number was seen yet.
  explicit Gram(std::size_t vectors) : size_(vectors), products_(vectors * vectors) {}
  // Of models' tensors, as seen from the base where there is one.
  Gram(const MergePieces& pieces, std::span<const std::size_t> models, std::optional<std::size_t> base);

  // The vectors' next numbers, as they are, or as seen from an origin. Sums are in double: a float32 loses the angle
  // between two models of a billion numbers.
  void add(std::span<const Numbers> vectors, Numbers origin = {});

  std::size_t size() const noexcept { return size_; }
  double dot(std::size_t a, std::size_t b) const noexcept { return products_[std::min(a, b) * size_ + std::max(a, b)]; }
  double length(std::size_t a) const noexcept { return std::sqrt(dot(a, a)); }

 private:
  std::size_t size_;
  std::vector<double> products_;  // of a and b from a on
};

// The length of the sum of the vectors, each times its weight.
double length_of_sum(const Gram& gram, std::span<const double> weights) noexcept;

}  // namespace garage
