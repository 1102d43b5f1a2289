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
#include "on_device.hpp"

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

// Points by their index: U8 [points, dimensions].
Array points_on(const Array& like, std::span<const std::int8_t> grid, std::int64_t dimensions) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(grid.data());
  return like.constant(std::span(bytes, grid.size()),
                       {static_cast<std::int64_t>(grid.size()) / dimensions, dimensions});
}

// U8 [256, 8]: 1, and -1 where a bit of signs(byte) is set.
template <class Signs>
Array signs_on(const Array& like, Signs signs) {
  return table_of_bytes(like, 8, [=](unsigned byte, int bit) { return signs(byte) >> bit & 1 ? -1 : 1; });
}
Array eight_signs_on(const Array& like) {
  return signs_on(like, [](unsigned byte) { return byte; });
}
Array seven_signs_on(const Array& like) { return signs_on(like, eight_signs); }

// Of each number the four parts of so many bits, the lowest first: I32 [n, numbers of a block, 4].
class FourParts {
 public:
  FourParts(const Array& like, int bits) : mask_((1 << bits) - 1), shifts_(shifts(like, bits, 4)) {}
  Array operator()(const Array& numbers) const {
    return in_groups(numbers, numbers_of_block(numbers)) >> shifts_ & mask_;
  }

 private:
  int mask_;
  Array shifts_;
};

// d * (0.5 + scale) * factor.
Array halved_scales(const Array& blocks, const Array& scales, double factor) {
  return scaled(halves(blocks, 0), scales.to(Array::Type::kF32) + 0.5) * factor;
}

Array scale_points(const Array& scales, const Array& points, const Array& signs) {
  return scaled(scales, signed_of(points.view(signs.shape()) * signs));
}

// I32: bytes, and in other dimensions as many numbers, the bits above each.
Array with_upper_bits(const Array& lower, const Array& upper) {
  return lower | upper.to(Array::Type::kI32).view(lower.shape()) << 8;
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
  static auto on(const Array& like) {
    return [grid = points_on(like, kIQ2_XXSGrid, 8), signs = seven_signs_on(like),
            sevens = FourParts(like, 7)](const Array& blocks) {
      const auto groups = in_groups(blocks.narrow(1, 2, 64), 8);
      const auto q = groups.narrow(2, 0, 4).to(Array::Type::kI32),
                 s = groups.narrow(2, 4, 4).bits_as(Array::Type::kI32);
      return scale_points(halved_scales(blocks, s >> 28 & 0x0f, 0.25), grid.at(q), signs.at(sevens(s)));
    };
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
  static auto on(const Array& like) {
    return [grid = points_on(like, kIQ2_XSGrid, 8), signs = seven_signs_on(like),
            nibbles = table_of_bits(like, 4)](const Array& blocks) {
      const auto q = uint16s(blocks, 2, 32);
      return scale_points(halved_scales(blocks, nibbles.at(places(blocks, 66, 8)), 0.25), grid.at(q & 511),
                          signs.at(q >> 9));
    };
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
  static auto on(const Array& like) {
    return [grid = points_on(like, kIQ2_SGrid, 8), signs = eight_signs_on(like), nibbles = table_of_bits(like, 4),
            pairs = table_of_bits(like, 2)](const Array& blocks) {
      const auto q = with_upper_bits(places(blocks, 2, 32), pairs.at(places(blocks, 66, 8)));
      return scale_points(halved_scales(blocks, nibbles.at(places(blocks, 74, 8)), 0.25), grid.at(q),
                          signs.at(places(blocks, 34, 32)));
    };
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
  static auto on(const Array& like) {
    return [grid = points_on(like, kIQ3_XXSGrid, 4), signs = seven_signs_on(like),
            sevens = FourParts(like, 7)](const Array& blocks) {
      const auto s = words(blocks, 66, 8);
      return scale_points(halved_scales(blocks, s >> 28 & 0x0f, 0.5), grid.at(places(blocks, 2, 64)),
                          signs.at(sevens(s)));
    };
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
  static auto on(const Array& like) {
    return [grid = points_on(like, kIQ3_SGrid, 4), signs = eight_signs_on(like), nibbles = table_of_bits(like, 4),
            bits = table_of_bits(like, 1)](const Array& blocks) {
      const auto q = with_upper_bits(places(blocks, 2, 64), bits.at(places(blocks, 66, 8)));
      const auto scales = scaled(halves(blocks, 0), nibbles.at(places(blocks, 106, 4)) * 2 + 1);
      return scale_points(scales, grid.at(q), signs.at(places(blocks, 74, 32)));
    };
  }
};

void scale_shifted(float scale, std::size_t index, bool down, float* out) noexcept {
  const float shift = down ? -0.125F : 0.125F;
  for (std::size_t i = 0; i < 8; ++i) out[i] = scale * (static_cast<float>(kIQ1_SGrid[index * 8 + i]) + shift);
}

// Eight times point + 0.125, and behind them those of point - 0.125: U8 [2 * 2048, 8].
Array shifted_points_on(const Array& like) {
  std::vector<std::int8_t> eighths;
  for (const int shift : {1, -1})
    for (const int number : kIQ1_SGrid) eighths.push_back(static_cast<std::int8_t>(number * 8 + shift));
  return points_on(like, eighths, 8);
}

// Eighths and scales are so small that no product is rounded: in this order, too, it is the same number.
Array scale_shifted(const Array& d, const Array& scales, const Array& eighths) {
  return scaled(scaled(d, scales * 2 + 1) * 0.125, signed_of(eighths));
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
  static auto on(const Array& like) {
    return [grid = shifted_points_on(like), threes = FourParts(like, 3)](const Array& blocks) {
      const auto h = in_groups(uint16s(blocks, 34, 8), 8);
      const auto q = with_upper_bits(places(blocks, 2, 32), threes(h) | h >> 15 << 3);
      return scale_shifted(halves(blocks, 0), h >> 12 & 0x07, grid.at(q));
    };
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
  static auto on(const Array& like) {
    return [grid = shifted_points_on(like), threes = FourParts(like, 3),
            nibbles = table_of_bits(like, 4)](const Array& blocks) {
      const auto upper = blocks.narrow(1, 48, 8).view({blocks.shape()[0], 2, 2, 2}).narrow(3, 1, 1);  // bytes of s
      const auto half = upper.narrow(2, 0, 1) >> 4 | (upper.narrow(2, 1, 1) & 0xf0);
      const auto q = with_upper_bits(places(blocks, 0, 32), nibbles.at(places(blocks, 32, 16)));
      return scale_shifted(halves(half.view({blocks.shape()[0], 2}), 0), threes(uint16s(blocks, 48, 4)), grid.at(q));
    };
  }
};

template <class Block>
constexpr BlockDecoders kLittleEndianAlone{decode_blocks<Block, LittleEndian>, nullptr, decode_arrays<Block>};

}  // namespace

const BlockDecoders kIQ2_XXS = kLittleEndianAlone<IQ2_XXS>, kIQ2_XS = kLittleEndianAlone<IQ2_XS>,
                    kIQ2_S = kLittleEndianAlone<IQ2_S>, kIQ3_XXS = kLittleEndianAlone<IQ3_XXS>,
                    kIQ3_S = kLittleEndianAlone<IQ3_S>, kIQ1_S = kLittleEndianAlone<IQ1_S>,
                    kIQ1_M = kLittleEndianAlone<IQ1_M>;

}  // namespace garage::ggml
