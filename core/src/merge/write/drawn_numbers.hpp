// DrawnNumbers: random numbers for a tensor that no model has, normal around 0. Each follows from the seed and its
// place alone.
#pragma once

#include <cstdint>
#include <vector>

#include "../methods/chance.hpp"
#include "numbers.hpp"

namespace garage {

class DrawnNumbers : public ModelNumbers {
 public:
  DrawnNumbers(const std::vector<std::int64_t>& shape, std::uint64_t seed, double deviation);
  void rows(std::int64_t first, std::int64_t count, float* out) const override;

 private:
  double at(std::uint64_t index) const;

  std::int64_t columns_;
  Chance chance_;
  double deviation_;
};

}  // namespace garage
