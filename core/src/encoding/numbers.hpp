// Narrow numbers as float32, and float32 as narrow ones. Without LibTorch, and in a way that compilers vectorise.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

namespace garage {

// A number at any alignment, little-endian as all formats that we read are, or swapped.
template <class T>
T load(const std::uint8_t* at) noexcept {
  T number;
  std::memcpy(&number, at, sizeof number);
  return number;
}
template <class T>
T load_swapped(const std::uint8_t* at) noexcept {
  std::uint8_t bytes[sizeof(T)];
  for (std::size_t i = 0; i < sizeof(T); ++i) bytes[i] = at[sizeof(T) - 1 - i];
  return load<T>(bytes);
}

// IEEE 754 binary16.
inline float float_of_half(std::uint16_t half) noexcept {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000) << 16, magnitude = half & 0x7fff;
  const auto small = std::bit_cast<std::uint32_t>(static_cast<float>(magnitude) * 0x1p-24F);  // of subnormal ones
  const auto normal = (magnitude << 13) + (112U << 23);
  const auto infinite = (magnitude << 13) | 0x7f800000U;
  return std::bit_cast<float>(sign | (magnitude < 0x400 ? small : magnitude >= 0x7c00 ? infinite : normal));
}

inline float float_of_bfloat(std::uint16_t number) noexcept {
  return std::bit_cast<float>(static_cast<std::uint32_t>(number) << 16);
}

// OCP 8-bit floating point (OFP8), E4M3: no infinities, 0x7f and 0xff are NaN.
inline float float_of_e4m3(std::uint8_t number) noexcept {
  const std::uint32_t sign = static_cast<std::uint32_t>(number & 0x80) << 24, magnitude = number & 0x7f;
  const auto small = std::bit_cast<std::uint32_t>(static_cast<float>(magnitude) * 0x1p-9F);
  const auto normal = (magnitude << 20) + (120U << 23);
  return std::bit_cast<float>(sign | (magnitude < 8 ? small : magnitude == 0x7f ? 0x7fc00000U : normal));
}

// The same, E5M2: the upper half of a binary16.
inline float float_of_e5m2(std::uint8_t number) noexcept {
  return float_of_half(static_cast<std::uint16_t>(number << 8));
}

// OCP microscaling, E8M0: 2^(n - 127); 255 is NaN.
inline float float_of_e8m0(std::uint8_t number) noexcept {
  return number == 255 ? std::numeric_limits<float>::quiet_NaN() : std::ldexp(1.0F, number - 127);
}

// The nearest, ties to even; NaN stays NaN.
inline std::uint16_t bfloat_of(float number) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(number);
  const auto nearest = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16, nan = (bits >> 16) | 0x40;
  return static_cast<std::uint16_t>((bits & 0x7fffffffU) > 0x7f800000U ? nan : nearest);
}

// The nearest, ties to even; what is too large is infinite.
inline std::uint16_t half_of(float number) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(number);
  const auto sign = (bits >> 16) & 0x8000, magnitude = bits & 0x7fffffffU;
  // Of those below 2^-14: a sum from 0.5 has steps of 2^-24, so adding rounds as it should.
  const auto small = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5F) - 0x3f000000U;
  const auto normal = (magnitude - (112U << 23) + 0xfff + ((magnitude >> 13) & 1)) >> 13;
  const auto finite = magnitude < 0x38800000U ? small : normal;
  const auto large = magnitude > 0x7f800000U ? 0x7e00U : 0x7c00U;  // NaN, or infinite
  const bool is_large = magnitude >= 0x477ff000U;                  // from halfway beyond 65504
  return static_cast<std::uint16_t>(sign | (is_large ? large : finite));
}

}  // namespace garage
