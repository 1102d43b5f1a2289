// Four bits that choose one of 16 values (llama.cpp: ggml/src/ggml-common.h, block_iq4_nl, block_iq4_xs,
// kvalues_iq4nl).
//
//   IQ4_NL  32 numbers   half d, 16 bytes q                                d * value of q
//   IQ4_XS  256 numbers  half d, uint16 h, 4 bytes s, 8 times 16 bytes q   8 groups: (d * (scale - 32)) * value of q
//
// Of 16 bytes q the lower nibbles are the first 16 numbers, the upper ones the others. Scale i of IQ4_XS: its lower
// four bits are nibble i of s, its upper two bits 2 i and 2 i + 1 of h.
#include "blocks.hpp"
#include "on_device.hpp"

namespace garage::ggml {
namespace {

constexpr std::int8_t kValues[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

void scale_32(float scale, const std::uint8_t* bytes, float* out) noexcept {
  std::int8_t values[32];
  for (std::size_t i = 0; i < 16; ++i) {
    values[i] = kValues[bytes[i] & 0x0f];
    values[i + 16] = kValues[bytes[i] >> 4];
  }
  for (std::size_t i = 0; i < 32; ++i) out[i] = scale * static_cast<float>(values[i]);
}

struct IQ4_NL {
  static constexpr std::size_t kBytes = 18, kNumbers = 32;
  template <class Order>
  static void decode(const std::uint8_t* block, float* out) noexcept {
    scale_32(half_at<Order>(block), block + 2, out);
  }
  static auto on(const Array& like) {
    return [values = NibbleValues(like, 16, kValues)](const Array& blocks) {
      return scaled(halves(blocks, 0), values(blocks, 2, 16));
    };
  }
};

struct IQ4_XS {
  static constexpr std::size_t kBytes = 136, kNumbers = 256;
  template <class Order>
  static void decode(const std::uint8_t* block, float* out) noexcept {
    const float d = half_at<Order>(block);
    const auto upper = Order::template load<std::uint16_t>(block + 2);
    for (std::size_t group = 0; group < 8; ++group) {
      const int scale = (block[4 + group / 2] >> (group % 2 * 4) & 0x0f) | (upper >> (group * 2) & 0x03) << 4;
      scale_32(d * static_cast<float>(scale - 32), block + 8 + group * 16, out + group * 32);
    }
  }
  static auto on(const Array& like) {
    return [values = NibbleValues(like, 16, kValues), nibbles = table_of_bits(like, 4),
            pairs = table_of_bits(like, 2)](const Array& blocks) {
      const auto upper = pairs.at(places(blocks, 2, 2)), lower = nibbles.at(places(blocks, 4, 4));
      const auto scales = signed_of((in_groups(lower, 8) | in_groups(upper, 8) << 4) - 32);  // [n, 8, 1]
      return scaled(scaled(halves(blocks, 0), scales), values(blocks, 8, 128));
    };
  }
};

}  // namespace

const BlockDecoders kIQ4_NL = kInBothOrders<IQ4_NL>, kIQ4_XS = kInBothOrders<IQ4_XS>;

}  // namespace garage::ggml
