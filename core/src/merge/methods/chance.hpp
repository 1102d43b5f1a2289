// Chance: random numbers by their place alone, so that it does not matter in which order, by how many threads or in
// which pieces they are asked for.
#pragma once

#include <cstdint>

namespace garage {

// The finaliser of SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (OOPSLA 2014),
// with the constants of Stafford's variant 13.
inline std::uint64_t mixed(std::uint64_t bits) noexcept {
  bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9U;
  bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebU;
  return bits ^ (bits >> 31);
}

class Chance {
 public:
  // A series of its own for each tensor, which has its seed, and each model.
  Chance(std::uint64_t seed, std::uint64_t model) noexcept : series_(mixed(mixed(seed + kStep) + model * kStep)) {}

  // From 0 to below 1.
  double at(std::uint64_t index) const noexcept {
    return static_cast<double>(mixed(series_ + (index + 1) * kStep) >> 11) * 0x1p-53;
  }

 private:
  static constexpr std::uint64_t kStep = 0x9e3779b97f4a7c15U;  // 2^64 over the golden ratio
  std::uint64_t series_;
};

}  // namespace garage
