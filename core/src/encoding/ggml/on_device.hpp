// What blocks are decoded with on a device (garage/array.hpp). They are U8 [n, bytes of a block], in the order of a
// little-endian file. Small numbers stay U8, which wraps where they are negative, until scales make float32 of them.
//
// like: any array of the device.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <garage/array.hpp>

namespace garage::ggml {

// Arrays of n blocks are [n, ..], whatever dimensions follow.
inline std::int64_t numbers_of_block(const Array& numbers) {
  const auto shape = numbers.shape();
  std::int64_t count = 1;
  for (std::size_t i = 1; i < shape.size(); ++i) count *= shape[i];
  return count;
}

// [n, groups, numbers of a group].
inline Array in_groups(const Array& numbers, std::int64_t groups) {
  return numbers.view({numbers.shape()[0], groups, numbers_of_block(numbers) / groups});
}

// Each group of a block times the scale that it has: F32 [n, groups, numbers of a group].
inline Array scaled(const Array& scales, const Array& numbers) {
  const auto groups = numbers_of_block(scales);
  return in_groups(scales, groups) * in_groups(numbers, groups);
}

inline Array signed_of(const Array& bytes) { return bytes.bits_as(Array::Type::kI8); }

// What stands in blocks from that byte on: [n, count], F32 of halves, I32 of the others.
inline Array halves(const Array& blocks, std::int64_t from, std::int64_t count = 1) {
  return blocks.bits_as(Array::Type::kF16).narrow(1, from / 2, count).to(Array::Type::kF32);
}
inline Array places(const Array& blocks, std::int64_t from, std::int64_t count) {
  return blocks.narrow(1, from, count).to(Array::Type::kI32);
}
inline Array uint16s(const Array& blocks, std::int64_t from, std::int64_t count) {
  const auto bytes = in_groups(places(blocks, from, count * 2), count);
  return (bytes.narrow(2, 0, 1) | bytes.narrow(2, 1, 1) << 8).view({blocks.shape()[0], count});
}
inline Array words(const Array& blocks, std::int64_t from, std::int64_t count) {
  const auto n = blocks.shape()[0];
  if (blocks.shape()[1] % 4 == 0 && from % 4 == 0)  // nothing is copied
    return blocks.bits_as(Array::Type::kI32).narrow(1, from / 4, count);
  return blocks.narrow(1, from, count * 4).view({n * count * 4}).bits_as(Array::Type::kI32).view({n, count});
}

// Splits numbers into parts of so many bits, the lowest first.
inline Array shifts(const Array& like, int bits, int parts) {
  std::vector<std::int32_t> by;
  for (int i = 0; i < parts; ++i) by.push_back(i * bits);
  return like.constant(std::span<const std::int32_t>(by));
}

// Of bytes in runs of so many, so many bits of each byte after another: those of the whole run, then the next ones. It
// takes four bytes at once.
class Runs {
 public:
  Runs(const Array& like, std::int64_t run, int bits)
      : run_(run), bits_(bits), shifts_(shifts(like, bits, 8 / bits).view({8 / bits, 1})) {}

  // U8 [n, count * 8 / bits].
  Array operator()(const Array& blocks, std::int64_t from, std::int64_t count) const {
    const auto n = blocks.shape()[0];
    const auto runs = words(blocks, from, count / 4).view({n, count / run_, 1, run_ / 4});
    const auto parts = runs >> shifts_ & 0x01010101 * ((1 << bits_) - 1);
    return parts.bits_as(Array::Type::kU8).view({n, count * 8 / bits_});
  }

 private:
  std::int64_t run_;
  int bits_;
  Array shifts_;
};

// U8 [256, parts]: what each byte stands for, part(byte, 0) and so on.
template <class Part>
Array table_of_bytes(const Array& like, int parts, Part part) {
  std::vector<std::uint8_t> numbers;
  for (unsigned byte = 0; byte < 256; ++byte)
    for (int i = 0; i < parts; ++i) numbers.push_back(static_cast<std::uint8_t>(part(byte, i)));
  return like.constant(std::span<const std::uint8_t>(numbers), {256, parts});
}
// So many bits after another, the lowest first.
inline Array table_of_bits(const Array& like, int bits) {
  return table_of_bytes(like, 8 / bits, [=](unsigned byte, int i) { return byte >> (i * bits) & ((1U << bits) - 1); });
}

// Of bytes in runs of so many, the values that their lower nibbles choose, then those of the upper ones.
class NibbleValues {
 public:
  NibbleValues(const Array& like, std::int64_t run, std::span<const std::int8_t, 16> values)
      : run_(run), values_(table_of_bytes(like, 2, [=](unsigned byte, int i) { return values[byte >> i * 4 & 15]; })) {}

  // I8 [n, count / run, run * 2].
  Array operator()(const Array& blocks, std::int64_t from, std::int64_t count) const {
    const auto n = blocks.shape()[0], runs = count / run_;
    const auto pairs = values_.at(places(blocks, from, count)).view({n, runs, run_, 2});
    return signed_of(pairs.transpose(2, 3)).view({n, runs, run_ * 2});
  }

 private:
  std::int64_t run_;
  Array values_;
};

}  // namespace garage::ggml
