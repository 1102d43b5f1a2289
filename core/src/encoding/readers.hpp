// Stored numbers on a device as float32: what numbers.hpp says of one, said of arrays.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include <garage/array.hpp>

namespace garage {

// U8 [..., n numbers' bytes] -> F32 [..., n].
using Reader = std::function<Array(const Array& bytes)>;

// Below, like is any array of the device.

// Of a type that devices have themselves.
inline Reader reader_of(Array::Type type) {
  return [type](const Array& bytes) { return bytes.bits_as(type).to(Array::Type::kF32); };
}

// Of each byte the number: looking it up takes a fraction of the time.
using ByteTable = std::array<float, 256>;
inline ByteTable numbers_of_bytes(float (*number)(std::uint8_t)) {
  ByteTable numbers{};
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = number(static_cast<std::uint8_t>(i));
  return numbers;
}
inline Reader reader_of_bytes(const ByteTable& numbers, const Array& like) {
  return [table = like.constant(std::span<const float>(numbers))](const Array& bytes) {
    return table.at(bytes.to(Array::Type::kI32));
  };
}

// Of two numbers to a byte, each one of 16; the first in its lower 4 bits, or in its higher. One look gives both.
enum class FirstHalf { kLower, kHigher };
inline Reader reader_of_halves(std::span<const float, 16> numbers, FirstHalf first, const Array& like) {
  std::array<float, 512> both{};
  for (std::size_t i = 0; i < 256; ++i) {
    const auto lower = numbers[i & 15], higher = numbers[i >> 4];
    both[i * 2] = first == FirstHalf::kLower ? lower : higher;
    both[i * 2 + 1] = first == FirstHalf::kLower ? higher : lower;
  }
  return [table = like.constant(std::span<const float>(both), {256, 2})](const Array& bytes) {
    auto shape = bytes.shape();
    shape.back() *= 2;
    return table.at(bytes.to(Array::Type::kI32)).view(shape);
  };
}

}  // namespace garage
