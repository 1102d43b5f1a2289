// One or two bits a number, or five numbers a byte (llama.cpp: ggml/src/ggml-common.h, block_q1_0, block_q2_0,
// block_tq1_0, block_tq2_0).
//
//   Q1_0   128 numbers  half d, 16 bytes q                           q ? d : -d; bit 0 of a byte comes first
//   Q2_0   64 numbers   half d, 16 bytes q                           d * (q - 1); the lowest pair of a byte comes first
//   TQ1_0  256 numbers  32 bytes q, 16 bytes q, 4 bytes q, half d    d * (q - 1)
//   TQ2_0  256 numbers  2 times 32 bytes q, half d                   d * (q - 1)
//
// TQ2_0: of each 32 bytes the lowest pair of every byte is 32 numbers, the next pair the 32 after them, and so on.
// TQ1_0: a byte is a fraction of 256, written in base 3; its first digit is a number of the first run (of 32, 16 or 4),
// its second one of the next run, up to the fifth, of the last 4 bytes up to the fourth.
#include "blocks.hpp"
#include "on_device.hpp"

namespace garage::ggml {
namespace {

struct Q1_0 {
  static constexpr std::size_t kBytes = 18, kNumbers = 128;
  template <class Order>
  static void decode(const std::uint8_t* block, float* out) noexcept {
    const float d = half_at<Order>(block);
    for (std::size_t byte = 0; byte < 16; ++byte)
      for (std::size_t bit = 0; bit < 8; ++bit) out[byte * 8 + bit] = block[2 + byte] >> bit & 1 ? d : -d;
  }
  static auto on(const Array& like) {
    const auto sign = [](unsigned byte, int bit) { return byte >> bit & 1 ? 1 : -1; };
    return [signs = table_of_bytes(like, 8, sign)](const Array& blocks) {
      return scaled(halves(blocks, 0), signed_of(signs.at(places(blocks, 2, 16))));
    };
  }
};

template <std::size_t count>
void scale_less_one(float d, const std::uint8_t* quants, float* out) noexcept {
  for (std::size_t i = 0; i < count; ++i) out[i] = d * static_cast<float>(quants[i] - 1);
}

Array scale_less_one(const Array& d, const Array& quants) { return scaled(d, signed_of(quants - 1)); }

struct Q2_0 {
  static constexpr std::size_t kBytes = 18, kNumbers = 64;
  template <class Order>
  static void decode(const std::uint8_t* block, float* out) noexcept {
    std::uint8_t quants[kNumbers];
    for (std::size_t i = 0; i < kNumbers; ++i) quants[i] = block[2 + i / 4] >> (i % 4 * 2) & 0x03;
    scale_less_one<kNumbers>(half_at<Order>(block), quants, out);
  }
  static auto on(const Array& like) {
    return [pairs = table_of_bits(like, 2)](const Array& blocks) {
      return scale_less_one(halves(blocks, 0), pairs.at(places(blocks, 2, 16)));
    };
  }
};

struct TQ1_0 {
  static constexpr std::size_t kBytes = 54, kNumbers = 256;
  template <class Order>
  static void decode(const std::uint8_t* block, float* out) noexcept {
    std::uint8_t quants[kNumbers];
    digits<32, 5>(block, quants);
    digits<16, 5>(block + 32, quants + 160);
    digits<4, 4>(block + 48, quants + 240);
    scale_less_one<kNumbers>(half_at<Order>(block + 52), quants, out);
  }
  template <std::size_t run, std::size_t count>
  static void digits(const std::uint8_t* bytes, std::uint8_t* quants) noexcept {
    unsigned power = 1;
    for (std::size_t digit = 0; digit < count; ++digit, power *= 3)
      for (std::size_t i = 0; i < run; ++i)
        quants[digit * run + i] = static_cast<std::uint8_t>((bytes[i] * power & 0xff) * 3 >> 8);
  }
  static auto on(const Array& like) {
    const auto digit = [](unsigned byte, int i) {
      for (; i > 0; --i) byte = byte * 3 & 0xff;
      return byte * 3 >> 8;
    };
    return [table = table_of_bytes(like, 8, digit)](const Array& blocks) {
      const auto digits = table.at(places(blocks, 0, 52)).transpose(1, 2);  // [n, 8, 52]; no byte has more than five
      std::vector<Array> sixteens;
      const auto add = [&](std::int64_t from, std::int64_t run, std::int64_t count) {
        const auto numbers = in_groups(digits.narrow(2, from, run).narrow(1, 0, count), run * count / 16);
        for (std::int64_t i = 0; i < run * count / 16; ++i) sixteens.push_back(numbers.narrow(1, i, 1));
      };
      add(0, 32, 5);
      add(32, 16, 5);
      add(48, 4, 4);
      return scale_less_one(halves(blocks, 52), Array::stack(sixteens, 1));
    };
  }
};

struct TQ2_0 {
  static constexpr std::size_t kBytes = 66, kNumbers = 256;
  template <class Order>
  static void decode(const std::uint8_t* block, float* out) noexcept {
    std::uint8_t quants[kNumbers];
    for (std::size_t run = 0; run < 8; ++run)
      for (std::size_t i = 0; i < 32; ++i) quants[run * 32 + i] = block[run / 4 * 32 + i] >> (run % 4 * 2) & 0x03;
    scale_less_one<kNumbers>(half_at<Order>(block + 64), quants, out);
  }
  static auto on(const Array& like) {
    return [pairs = Runs(like, 32, 2)](const Array& blocks) {
      return scale_less_one(halves(blocks, 64), pairs(blocks, 0, 64));
    };
  }
};

}  // namespace

const BlockDecoders kQ1_0 = kInBothOrders<Q1_0>, kQ2_0 = kInBothOrders<Q2_0>, kTQ1_0 = kInBothOrders<TQ1_0>,
                    kTQ2_0 = kInBothOrders<TQ2_0>;

}  // namespace garage::ggml
