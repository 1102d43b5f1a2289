// TopK: which k of some numbers are the largest by magnitude, or the smallest; in linear time and without a copy of
// them.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "inputs.hpp"

namespace garage {

class TopK {
 public:
  // One for each k, which may be larger than there are numbers; they are seen twice. NaN is larger than all.
  static std::vector<TopK> largest(const NumberPieces& numbers, std::span<const std::size_t> ks) {
    return found(numbers, ks, 0);
  }
  static std::vector<TopK> smallest(const NumberPieces& numbers, std::span<const std::size_t> ks) {
    return found(numbers, ks, ~0U);
  }

  // Asked of each number in its order: whether it is one of them. Of those that are equal at the threshold the first
  // are. Without a branch, which would be guessed wrong half of the time.
  bool takes(float number) noexcept {
    const auto key = key_of(number, flip_);
    const auto is_taken_equal = static_cast<std::size_t>(key == threshold_) & static_cast<std::size_t>(equal_left_ > 0);
    equal_left_ -= is_taken_equal;
    return (static_cast<std::size_t>(key > threshold_) | is_taken_equal) != 0;
  }

  // The magnitude of the last of them. Requires: k is from 1 to as many as there are.
  float threshold() const noexcept { return std::bit_cast<float>(threshold_ ^ flip_); }

 private:
  TopK(std::uint32_t flip, std::uint32_t threshold, std::size_t equal_left)
      : flip_(flip), threshold_(threshold), equal_left_(equal_left) {}
  static std::vector<TopK> found(const NumberPieces& numbers, std::span<const std::size_t> ks, std::uint32_t flip);

  // A whole number that orders magnitudes as they are ordered, or, flipped, the other way round.
  static std::uint32_t key_of(float number, std::uint32_t flip) noexcept {
    return (std::bit_cast<std::uint32_t>(number) & 0x7fffffffU) ^ flip;
  }

  std::uint32_t flip_, threshold_;
  std::size_t equal_left_;
};

}  // namespace garage
