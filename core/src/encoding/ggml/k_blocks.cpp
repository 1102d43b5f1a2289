// The k-quants: blocks of 256 numbers in groups of 16 or 32, each with a scale of its own in some bits, and over all of
// them a half d, with minima a half m (llama.cpp: ggml/src/ggml-common.h, block_q2_K to block_q6_K).
//
//   Q2_K  16 bytes s, 64 bytes q, d, m                     16 groups: (d * low nibble of s) * q - m * high nibble of s
//   Q3_K  32 bytes h, 64 bytes q, 12 bytes s, d            16 groups: (d * (s - 32)) * (q - (h ? 0 : 4))
//   Q4_K  d, m, 12 bytes s, 128 bytes q                     8 groups: (d * scale) * q - m * minimum
//   Q5_K  d, m, 12 bytes s, 32 bytes h, 128 bytes q         8 groups: the same, h the fifth bit of q
//   Q6_K  128 bytes q, 64 bytes h, 16 int8 s, d            16 groups: (d * s) * (q - 32), h two upper bits of q
//
// Two bits of a byte: of each 32 bytes the lowest pair of every byte is 32 numbers, the next pair the 32 after them,
// and so on. Nibbles and single bits alike: of Q4_K and Q5_K a run of 32 bytes, of Q6_K one of 64 (128 numbers, whose
// upper bits are 32 bytes of h); h of Q3_K and Q5_K is one run of 32 bytes, bit 0 of which is the first 32 numbers'.
//
// 12 bytes s, of Q3_K, 16 scales of six bits: the lower four of scale i are nibble i / 8 of byte i % 8, the upper two
// pair i / 4 of byte 8 + i % 4.
// 12 bytes s, of Q4_K and Q5_K, 8 scales and 8 minima of six bits: scale i < 4 is the lower six bits of byte i, minimum
// i < 4 those of byte 4 + i; of scale 4 + i the lower four bits are the low nibble of byte 8 + i and the upper two the
// top of byte i, of minimum 4 + i the high nibble of byte 8 + i and the top of byte 4 + i.
#include "blocks.hpp"
#include "on_device.hpp"

namespace garage::ggml {
namespace {

constexpr std::size_t kCount = 256;

// Adds to quants, at bit `to`, what lies in runs of so many bytes, so many bits of each byte after another.
template <std::size_t run, int bits, int to>
void add_bits(const std::uint8_t* __restrict bytes, std::uint8_t* __restrict quants) noexcept {
  for (std::size_t begin = 0; begin < kCount * bits / 8; begin += run)
    for (int shift = 0; shift < 8; shift += bits, quants += run)
      for (std::size_t i = 0; i < run; ++i)
        quants[i] |= static_cast<std::uint8_t>((bytes[begin + i] >> shift & ((1 << bits) - 1)) << to);
}

struct Q2_K {
  static constexpr std::size_t kBytes = 84, kNumbers = kCount;
  template <class Order>
  static void decode(const std::uint8_t* block, float* out) noexcept {
    std::uint8_t quants[kCount] = {};
    add_bits<32, 2, 0>(block + 16, quants);
    const float d = half_at<Order>(block + 80), m = half_at<Order>(block + 82);
    for (std::size_t group = 0; group < 16; ++group) {
      const float scale = d * static_cast<float>(block[group] & 0x0f);
      const float minimum = m * static_cast<float>(block[group] >> 4);
      for (std::size_t i = group * 16; i < group * 16 + 16; ++i)
        out[i] = scale * static_cast<float>(quants[i]) - minimum;
    }
  }
  static auto on(const Array& like) {
    return [quants = Runs(like, 32, 2)](const Array& blocks) {
      const auto s = blocks.narrow(1, 0, 16);
      const auto scales = scaled(halves(blocks, 80), s & 0x0f), minima = scaled(halves(blocks, 82), s >> 4);
      return scaled(scales, quants(blocks, 16, 64)) - in_groups(minima, 16);
    };
  }
};

struct Q3_K {
  static constexpr std::size_t kBytes = 110, kNumbers = kCount;
  template <class Order>
  static void decode(const std::uint8_t* block, float* out) noexcept {
    std::uint8_t quants[kCount] = {};
    add_bits<32, 2, 0>(block + 32, quants);
    add_bits<32, 1, 2>(block, quants);
    const float d = half_at<Order>(block + 108);
    for (std::size_t group = 0; group < 16; ++group) {
      const float scale = d * static_cast<float>(scale_at(block + 96, group) - 32);
      for (std::size_t i = group * 16; i < group * 16 + 16; ++i) out[i] = scale * static_cast<float>(quants[i] - 4);
    }
  }
  static int scale_at(const std::uint8_t* s, std::size_t i) noexcept {
    return (s[i % 8] >> (i / 8 * 4) & 0x0f) | (s[8 + i % 4] >> (i / 4 * 2) & 0x03) << 4;
  }
  static auto on(const Array& like) {
    return [pairs = Runs(like, 32, 2), bits = Runs(like, 32, 1), lower = Runs(like, 8, 4),
            upper = Runs(like, 4, 2)](const Array& blocks) {
      const auto scales = signed_of((lower(blocks, 96, 8) | upper(blocks, 104, 4) << 4) - 32);
      const auto quants = signed_of((pairs(blocks, 32, 64) | bits(blocks, 0, 32) << 2) - 4);
      return scaled(scaled(halves(blocks, 108), scales), quants);
    };
  }
};

// 12 bytes s of Q4_K and Q5_K.
int scale_at(const std::uint8_t* s, std::size_t i) noexcept {
  return i < 4 ? s[i] & 0x3f : (s[4 + i] & 0x0f) | s[i - 4] >> 6 << 4;
}
int minimum_at(const std::uint8_t* s, std::size_t i) noexcept {
  return i < 4 ? s[4 + i] & 0x3f : s[4 + i] >> 4 | s[i] >> 6 << 4;
}

// What begins with d, m and s.
template <class Order>
void scale_groups(const std::uint8_t* block, const std::uint8_t* quants, float* out) noexcept {
  const float d = half_at<Order>(block), m = half_at<Order>(block + 2);
  for (std::size_t group = 0; group < 8; ++group) {
    const float scale = d * static_cast<float>(scale_at(block + 4, group));
    const float minimum = m * static_cast<float>(minimum_at(block + 4, group));
    for (std::size_t i = group * 32; i < group * 32 + 32; ++i) out[i] = scale * static_cast<float>(quants[i]) - minimum;
  }
}

// Of arrays. quants: U8 [n, 256].
auto scale_groups_on(const Array& like) {
  return [nibbles = Runs(like, 4, 4)](const Array& blocks, const Array& quants) {
    const auto eight = in_groups(blocks.narrow(1, 4, 8), 2);  // [n, 2, 4]: of scales, of minima
    const Array both[] = {eight & 0x3f, in_groups(nibbles(blocks, 12, 4), 2) | eight >> 6 << 4};
    const auto scales = scaled(halves(blocks, 0, 2), Array::stack(both, 2));  // [n, 2, 8]
    return scaled(scales.narrow(1, 0, 1), quants) - in_groups(scales.narrow(1, 1, 1), 8);
  };
}

struct Q4_K {
  static constexpr std::size_t kBytes = 144, kNumbers = kCount;
  template <class Order>
  static void decode(const std::uint8_t* block, float* out) noexcept {
    std::uint8_t quants[kCount] = {};
    add_bits<32, 4, 0>(block + 16, quants);
    scale_groups<Order>(block, quants, out);
  }
  static auto on(const Array& like) {
    return [nibbles = Runs(like, 32, 4), scale_groups = scale_groups_on(like)](const Array& blocks) {
      return scale_groups(blocks, nibbles(blocks, 16, 128));
    };
  }
};

struct Q5_K {
  static constexpr std::size_t kBytes = 176, kNumbers = kCount;
  template <class Order>
  static void decode(const std::uint8_t* block, float* out) noexcept {
    std::uint8_t quants[kCount] = {};
    add_bits<32, 4, 0>(block + 48, quants);
    add_bits<32, 1, 4>(block + 16, quants);
    scale_groups<Order>(block, quants, out);
  }
  static auto on(const Array& like) {
    return [nibbles = Runs(like, 32, 4), bits = Runs(like, 32, 1),
            scale_groups = scale_groups_on(like)](const Array& blocks) {
      return scale_groups(blocks, nibbles(blocks, 48, 128) | bits(blocks, 16, 32) << 4);
    };
  }
};

struct Q6_K {
  static constexpr std::size_t kBytes = 210, kNumbers = kCount;
  template <class Order>
  static void decode(const std::uint8_t* block, float* out) noexcept {
    std::uint8_t quants[kCount] = {};
    add_bits<64, 4, 0>(block, quants);
    add_bits<32, 2, 4>(block + 128, quants);
    const float d = half_at<Order>(block + 208);
    for (std::size_t group = 0; group < 16; ++group) {
      const float scale = d * static_cast<float>(load<std::int8_t>(block + 192 + group));
      for (std::size_t i = group * 16; i < group * 16 + 16; ++i) out[i] = scale * static_cast<float>(quants[i] - 32);
    }
  }
  static auto on(const Array& like) {
    return [nibbles = Runs(like, 64, 4), pairs = Runs(like, 32, 2)](const Array& blocks) {
      const auto quants = signed_of((nibbles(blocks, 0, 128) | pairs(blocks, 128, 64) << 4) - 32);
      return scaled(scaled(halves(blocks, 208), signed_of(blocks.narrow(1, 192, 16))), quants);
    };
  }
};

}  // namespace

const BlockDecoders kQ2_K = kInBothOrders<Q2_K>, kQ3_K = kInBothOrders<Q3_K>, kQ4_K = kInBothOrders<Q4_K>,
                    kQ5_K = kInBothOrders<Q5_K>, kQ6_K = kInBothOrders<Q6_K>;

}  // namespace garage::ggml
