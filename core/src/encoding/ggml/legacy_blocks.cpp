// Blocks of 32 numbers (llama.cpp: ggml/src/ggml-common.h, block_q4_0 and those below it). half: IEEE 754 binary16.
//
//   Q4_0  half d, 16 bytes q                   d * (q - 8)
//   Q4_1  half d, half m, 16 bytes q           d * q + m
//   Q5_0  half d, uint32 h, 16 bytes q         d * (q - 16)
//   Q5_1  half d, half m, uint32 h, 16 bytes q d * q + m
//   Q8_0  half d, 32 int8 q                    q * d
//
// Of 16 bytes q the lower nibbles are the first 16 numbers, the upper ones the others; bit i of h is the fifth bit of
// number i.
#include "blocks.hpp"
#include "on_device.hpp"

namespace garage::ggml {
namespace {

constexpr std::size_t kCount = 32;

struct Quants {
  std::uint8_t of[kCount];
};

Quants nibbles(const std::uint8_t* bytes) noexcept {
  Quants quants;
  for (std::size_t i = 0; i < kCount / 2; ++i) {
    quants.of[i] = bytes[i] & 0x0f;
    quants.of[i + kCount / 2] = bytes[i] >> 4;
  }
  return quants;
}

Quants with_fifth_bits(Quants quants, std::uint32_t bits) noexcept {
  for (std::size_t i = 0; i < kCount; ++i) quants.of[i] |= static_cast<std::uint8_t>((bits >> i & 1) << 4);
  return quants;
}

void scale(float d, const Quants& quants, int zero, float* out) noexcept {
  for (std::size_t i = 0; i < kCount; ++i) out[i] = d * static_cast<float>(quants.of[i] - zero);
}

void scale_and_add(float d, const Quants& quants, float m, float* out) noexcept {
  for (std::size_t i = 0; i < kCount; ++i) out[i] = d * static_cast<float>(quants.of[i]) + m;
}

// Arrays, of n blocks: U8 [n, 32].
Runs nibbles_on(const Array& like) { return {like, 16, 4}; }

// 4 bytes h, from that byte of the block on, and the 16 bytes q behind it; less zero.
auto five_bits_on(const Array& like, int zero) {
  const auto fifth = [=](unsigned byte, int bit) { return static_cast<int>(byte >> bit & 1) * 16 - zero; };
  return [nibbles = nibbles_on(like), table = table_of_bytes(like, 8, fifth)](const Array& blocks, int h) {
    const auto quants = nibbles(blocks, h + 4, 16);
    return quants + table.at(places(blocks, h, 4)).view(quants.shape());
  };
}

struct Q4_0 {
  static constexpr std::size_t kBytes = 18, kNumbers = kCount;
  template <class Order>
  static void decode(const std::uint8_t* block, float* out) noexcept {
    scale(half_at<Order>(block), nibbles(block + 2), 8, out);
  }
  static auto on(const Array& like) {
    return [nibbles = nibbles_on(like)](const Array& blocks) {
      return scaled(halves(blocks, 0), signed_of(nibbles(blocks, 2, 16) - 8));
    };
  }
};

struct Q4_1 {
  static constexpr std::size_t kBytes = 20, kNumbers = kCount;
  template <class Order>
  static void decode(const std::uint8_t* block, float* out) noexcept {
    scale_and_add(half_at<Order>(block), nibbles(block + 4), half_at<Order>(block + 2), out);
  }
  static auto on(const Array& like) {
    return [nibbles = nibbles_on(like)](const Array& blocks) {
      return scaled(halves(blocks, 0), nibbles(blocks, 4, 16)) + in_groups(halves(blocks, 2), 1);
    };
  }
};

struct Q5_0 {
  static constexpr std::size_t kBytes = 22, kNumbers = kCount;
  template <class Order>
  static void decode(const std::uint8_t* block, float* out) noexcept {
    const auto bits = Order::template load<std::uint32_t>(block + 2);
    scale(half_at<Order>(block), with_fifth_bits(nibbles(block + 6), bits), 16, out);
  }
  static auto on(const Array& like) {
    return [quants = five_bits_on(like, 16)](const Array& blocks) {
      return scaled(halves(blocks, 0), signed_of(quants(blocks, 2)));
    };
  }
};

struct Q5_1 {
  static constexpr std::size_t kBytes = 24, kNumbers = kCount;
  template <class Order>
  static void decode(const std::uint8_t* block, float* out) noexcept {
    const auto bits = Order::template load<std::uint32_t>(block + 4);
    scale_and_add(half_at<Order>(block), with_fifth_bits(nibbles(block + 8), bits), half_at<Order>(block + 2), out);
  }
  static auto on(const Array& like) {
    return [quants = five_bits_on(like, 0)](const Array& blocks) {
      return scaled(halves(blocks, 0), quants(blocks, 4)) + in_groups(halves(blocks, 2), 1);
    };
  }
};

struct Q8_0 {
  static constexpr std::size_t kBytes = 34, kNumbers = kCount;
  template <class Order>
  static void decode(const std::uint8_t* block, float* out) noexcept {
    const float d = half_at<Order>(block);
    std::int8_t quants[kCount];
    std::memcpy(quants, block + 2, sizeof quants);
    for (std::size_t i = 0; i < kCount; ++i) out[i] = static_cast<float>(quants[i]) * d;
  }
  static auto on(const Array&) {
    return [](const Array& blocks) { return scaled(halves(blocks, 0), signed_of(blocks.narrow(1, 2, 32))); };
  }
};

}  // namespace

const BlockDecoders kQ4_0 = kInBothOrders<Q4_0>, kQ4_1 = kInBothOrders<Q4_1>, kQ5_0 = kInBothOrders<Q5_0>,
                    kQ5_1 = kInBothOrders<Q5_1>, kQ8_0 = kInBothOrders<Q8_0>;

}  // namespace garage::ggml
