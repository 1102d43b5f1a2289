// Blocks of 256 numbers, of which 8 or 4 together are a point of a grid (llama.cpp: ggml/src/ggml-common.h,
// block_iq2_xxs to block_iq1_m). half: IEEE 754 binary16; a nibble is the lower four bits of a byte, then its upper
// four.
//
//   IQ2_XXS  half d, 8 times { 4 bytes q, uint32 s }
//   IQ2_XS   half d, 32 uint16 q, 16 nibbles s
//   IQ2_S    half d, 32 bytes q, 32 bytes signs, 32 pairs of bits h, 16 nibbles s
//   IQ3_XXS  half d, 64 bytes q, 8 uint32 s
//   IQ3_S    half d, 64 bytes q, 64 bits h, 32 bytes signs, 8 nibbles s
//   IQ1_S    half d, 32 bytes q, 8 uint16 h
//   IQ1_M    32 bytes q, 32 nibbles h, 4 uint16 s
//
// q is the index of a point, with h its upper bits; of IQ2_XS it is the lower nine bits. Signs are one bit a number,
// set where it is negative. Seven bits of signs stand for eight: the eighth makes their number even; they are bits 0,
// 7, 14 and 21 of s (IQ2_XXS, IQ3_XXS) and the upper ones of q (IQ2_XS). Above them bits 28 to 31 of s are a scale.
//
//   IQ2      d * (0.5 + scale) * 0.25 * point
//   IQ3_XXS  d * (0.5 + scale) * 0.5 * point
//   IQ3_S    d * (1 + 2 * scale) * point
//   IQ1      d * (2 * scale + 1) * (point +- 0.125)
//
// Of IQ1_S each h has the upper three bits of four indices, then three bits of scale, then one that is set where 0.125
// goes off. Of IQ1_M each nibble h has three bits of an index and that bit; each s has four scales of three bits and
// four bits of d, the lowest ones first.
//
// Of big-endian files nothing is decoded: on such a machine ggml's C and gguf's Python make different numbers of the
// same bytes (ggml 0.27, gguf 0.19).
#include <bit>

#include "blocks.hpp"
#include "grid_tables.hpp"

namespace garage::ggml {
namespace {

constexpr std::size_t kCount = 256;

int nibble(const std::uint8_t* bytes, std::size_t i) noexcept { return bytes[i / 2] >> (i % 2 * 4) & 0x0f; }

unsigned eight_signs(unsigned seven) noexcept {
  seven &= 0x7f;
  return seven | (static_cast<unsigned>(std::popcount(seven)) & 1) << 7;
}

template <std::size_t count>
void scale_point(float scale, const std::int8_t* point, unsigned signs, float* out) noexcept {
  for (std::size_t i = 0; i < count; ++i) {
    const auto value = static_cast<int>(point[i]);
    out[i] = scale * static_cast<float>(signs >> i & 1 ? -value : value);
  }
}

struct IQ2_XXS {
  static constexpr std::size_t kBytes = 66, kNumbers = kCount;
  template <class Order>
  static void decode(const std::uint8_t* block, float* out) noexcept {
    const float d = half_at<Order>(block);
    for (std::size_t group = 0; group < 8; ++group, out += 32) {
      const auto* q = block + 2 + group * 8;
      const auto s = Order::template load<std::uint32_t>(q + 4);
      const float scale = d * (0.5F + static_cast<float>(s >> 28)) * 0.25F;
      for (std::size_t i = 0; i < 4; ++i)
        scale_point<8>(scale, &kIQ2_XXSGrid[q[i] * std::size_t{8}], eight_signs(s >> (7 * i)), out + i * 8);
    }
  }
};

struct IQ2_XS {
  static constexpr std::size_t kBytes = 74, kNumbers = kCount;
  template <class Order>
  static void decode(const std::uint8_t* block, float* out) noexcept {
    const float d = half_at<Order>(block);
    for (std::size_t i = 0; i < 32; ++i) {
      const std::size_t q = Order::template load<std::uint16_t>(block + 2 + i * 2);
      const float scale = d * (0.5F + static_cast<float>(nibble(block + 66, i / 2))) * 0.25F;
      scale_point<8>(scale, &kIQ2_XSGrid[(q & 511) * 8], eight_signs(static_cast<unsigned>(q >> 9)), out + i * 8);
    }
  }
};

struct IQ2_S {
  static constexpr std::size_t kBytes = 82, kNumbers = kCount;
  template <class Order>
  static void decode(const std::uint8_t* block, float* out) noexcept {
    const float d = half_at<Order>(block);
    for (std::size_t i = 0; i < 32; ++i) {
      const std::size_t index = block[2 + i] | (block[66 + i / 4] >> (i % 4 * 2) & 0x03) << 8;
      const float scale = d * (0.5F + static_cast<float>(nibble(block + 74, i / 2))) * 0.25F;
      scale_point<8>(scale, &kIQ2_SGrid[index * 8], block[34 + i], out + i * 8);
    }
  }
};

struct IQ3_XXS {
  static constexpr std::size_t kBytes = 98, kNumbers = kCount;
  template <class Order>
  static void decode(const std::uint8_t* block, float* out) noexcept {
    const float d = half_at<Order>(block);
    for (std::size_t i = 0; i < 64; ++i) {
      const auto s = Order::template load<std::uint32_t>(block + 66 + i / 8 * 4);
      const float scale = d * (0.5F + static_cast<float>(s >> 28)) * 0.5F;
      const auto signs = eight_signs(s >> (7 * (i / 2 % 4))) >> (i % 2 * 4);
      scale_point<4>(scale, &kIQ3_XXSGrid[block[2 + i] * std::size_t{4}], signs, out + i * 4);
    }
  }
};

struct IQ3_S {
  static constexpr std::size_t kBytes = 110, kNumbers = kCount;
  template <class Order>
  static void decode(const std::uint8_t* block, float* out) noexcept {
    const float d = half_at<Order>(block);
    for (std::size_t i = 0; i < 64; ++i) {
      const std::size_t index = block[2 + i] | (block[66 + i / 8] >> (i % 8) & 1) << 8;
      const float scale = d * static_cast<float>(1 + 2 * nibble(block + 106, i / 8));
      scale_point<4>(scale, &kIQ3_SGrid[index * 4], static_cast<unsigned>(block[74 + i / 2]) >> (i % 2 * 4),
                     out + i * 4);
    }
  }
};

void scale_shifted(float scale, std::size_t index, bool down, float* out) noexcept {
  const float shift = down ? -0.125F : 0.125F;
  for (std::size_t i = 0; i < 8; ++i) out[i] = scale * (static_cast<float>(kIQ1_SGrid[index * 8 + i]) + shift);
}

struct IQ1_S {
  static constexpr std::size_t kBytes = 50, kNumbers = kCount;
  template <class Order>
  static void decode(const std::uint8_t* block, float* out) noexcept {
    const float d = half_at<Order>(block);
    for (std::size_t i = 0; i < 32; ++i) {
      const int h = Order::template load<std::uint16_t>(block + 34 + i / 4 * 2);
      const std::size_t index = block[2 + i] | (h >> (i % 4 * 3) & 0x07) << 8;
      const float scale = d * static_cast<float>(2 * (h >> 12 & 0x07) + 1);
      scale_shifted(scale, index, (h & 0x8000) != 0, out + i * 8);
    }
  }
};

struct IQ1_M {
  static constexpr std::size_t kBytes = 56, kNumbers = kCount;
  template <class Order>
  static void decode(const std::uint8_t* block, float* out) noexcept {
    std::uint16_t s[4];
    unsigned half = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      s[i] = Order::template load<std::uint16_t>(block + 48 + i * 2);
      half |= static_cast<unsigned>(s[i] >> 12) << (i * 4);
    }
    const float d = float_of_half(static_cast<std::uint16_t>(half));
    for (std::size_t i = 0; i < 32; ++i) {
      const int h = nibble(block + 32, i);
      const float scale = d * static_cast<float>(2 * (s[i / 8] >> (i / 2 % 4 * 3) & 0x07) + 1);
      scale_shifted(scale, static_cast<std::size_t>(block[i] | (h & 0x07) << 8), (h & 0x08) != 0, out + i * 8);
    }
  }
};

template <class Block>
constexpr BlockDecoders kLittleEndianAlone{decode_blocks<Block, LittleEndian>, nullptr};

}  // namespace

const BlockDecoders kIQ2_XXS = kLittleEndianAlone<IQ2_XXS>, kIQ2_XS = kLittleEndianAlone<IQ2_XS>,
                    kIQ2_S = kLittleEndianAlone<IQ2_S>, kIQ3_XXS = kLittleEndianAlone<IQ3_XXS>,
                    kIQ3_S = kLittleEndianAlone<IQ3_S>, kIQ1_S = kLittleEndianAlone<IQ1_S>,
                    kIQ1_M = kLittleEndianAlone<IQ1_M>;

}  // namespace garage::ggml
