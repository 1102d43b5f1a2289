// Four bits of floating point, E2M1, kept as twice their value, so that the scales are halved (llama.cpp:
// ggml/src/ggml-common.h, block_mxfp4, block_nvfp4, kvalues_mxfp4; OCP Microscaling Formats 1.0, 5.3.3).
//
//   MXFP4  32 numbers  byte e, 16 bytes q              2^(e - 128) * value of q
//   NVFP4  64 numbers  4 bytes s, 4 times 8 bytes q    4 groups: E4M3 of s, without its sign, / 2 * value of q
//
// Of 16 or 8 bytes q the lower nibbles are the first numbers, the upper ones the others. No number here is wider than a
// byte: both orders are one.
#include "../readers.hpp"
#include "blocks.hpp"
#include "on_device.hpp"

namespace garage::ggml {
namespace {

// -0 is 0.
constexpr std::int8_t kValues[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

template <std::size_t bytes_of_quants>
void scale_nibbles(float scale, const std::uint8_t* bytes, float* out) noexcept {
  std::int8_t values[bytes_of_quants * 2];
  for (std::size_t i = 0; i < bytes_of_quants; ++i) {
    values[i] = kValues[bytes[i] & 0x0f];
    values[i + bytes_of_quants] = kValues[bytes[i] >> 4];
  }
  for (std::size_t i = 0; i < bytes_of_quants * 2; ++i) out[i] = scale * static_cast<float>(values[i]);
}

// 2^(e - 128), the last of which are subnormal. 255, which stands for NaN in the standard, is 2^127 to ggml.
float half_of_e8m0(std::uint8_t e) noexcept {
  const auto exponent = static_cast<std::uint32_t>(e);
  return std::bit_cast<float>(exponent < 2 ? 0x00200000U << exponent : (exponent - 1) << 23);
}

// 0x7f, which stands for NaN in the standard, is 0 to ggml; 0xff is what its bits are without the sign, 480.
float half_of_unsigned_e4m3(std::uint8_t s) noexcept {
  const auto exponent = static_cast<std::uint32_t>(s >> 3 & 0x0f), mantissa = static_cast<std::uint32_t>(s & 0x07);
  if (s == 0x7f) return 0;
  if (exponent == 0) return static_cast<float>(mantissa) * 0x1p-10F;
  return std::bit_cast<float>((exponent + 127 - 7 - 1) << 23 | mantissa << 20);
}

struct MXFP4 {
  static constexpr std::size_t kBytes = 17, kNumbers = 32;
  template <class Order>
  static void decode(const std::uint8_t* block, float* out) noexcept {
    scale_nibbles<16>(half_of_e8m0(block[0]), block + 1, out);
  }
  static auto on(const Array& like) {
    return [values = NibbleValues(like, 16, kValues), scales = reader_of_bytes(numbers_of_bytes(half_of_e8m0), like)](
               const Array& blocks) { return scaled(scales(blocks.narrow(1, 0, 1)), values(blocks, 1, 16)); };
  }
};

struct NVFP4 {
  static constexpr std::size_t kBytes = 36, kNumbers = 64;
  template <class Order>
  static void decode(const std::uint8_t* block, float* out) noexcept {
    for (std::size_t group = 0; group < 4; ++group)
      scale_nibbles<8>(half_of_unsigned_e4m3(block[group]), block + 4 + group * 8, out + group * 16);
  }
  static auto on(const Array& like) {
    return [values = NibbleValues(like, 8, kValues),
            scales = reader_of_bytes(numbers_of_bytes(half_of_unsigned_e4m3), like)](const Array& blocks) {
      return scaled(scales(blocks.narrow(1, 0, 4)), values(blocks, 4, 32));
    };
  }
};

}  // namespace

const BlockDecoders kMXFP4 = kInBothOrders<MXFP4>, kNVFP4 = kInBothOrders<NVFP4>;

}  // namespace garage::ggml
