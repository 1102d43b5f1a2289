// TopK: which k of some numbers are the largest by magnitude, or the smallest; in linear time and without a copy of
// them.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "inputs.hpp"

namespace garage {

class TopK {
 public:
  // k may be larger than there are. NaN is larger than all.
  static TopK largest(Numbers numbers, std::size_t k) { return {numbers, k, 0}; }
  static TopK smallest(Numbers numbers, std::size_t k) { return {numbers, k, ~0U}; }

  // Asked of each number in its order: whether it is one of them. Of those that are equal at the threshold the first
  // are. Without a branch, which would be guessed wrong half of the time.
  bool takes(float number) noexcept {
    const auto key = key_of(number);
    const auto is_taken_equal = static_cast<std::size_t>(key == threshold_) & static_cast<std::size_t>(equal_left_ > 0);
    equal_left_ -= is_taken_equal;
    return (static_cast<std::size_t>(key > threshold_) | is_taken_equal) != 0;
  }

 private:
  TopK(Numbers numbers, std::size_t k, std::uint32_t flip);

  // A whole number that orders magnitudes as they are ordered, or, flipped, the other way round.
  std::uint32_t key_of(float number) const noexcept {
    return (std::bit_cast<std::uint32_t>(number) & 0x7fffffffU) ^ flip_;
  }

  std::uint32_t flip_, threshold_ = 0;
  std::size_t equal_left_ = 0;
};

}  // namespace garage
