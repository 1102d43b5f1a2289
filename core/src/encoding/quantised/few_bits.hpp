// Integers of few bits, on a device.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <garage/array.hpp>

namespace garage {

// As many in a word of 32 bits as go in whole, from the lowest bits up; what is left of it is unused.
class FewBits {
 public:
  // 1 <= bits <= 8. like: any array of the device.
  FewBits(int bits, const Array& like) : bits_(bits), of_(8 % bits == 0 ? 8 : 32), shifts_(shifts(bits, of_, like)) {}

  // U8 [rows, bytes of whole words] -> U8 [rows, numbers].
  Array unpacked(const Array& bytes) const {
    if (bits_ == 8) return bytes;
    const auto words = of_ == 8 ? bytes : bytes.bits_as(Array::Type::kI32);
    const auto shape = words.shape();
    const auto numbers = (words.view({shape[0], shape[1], 1}) >> shifts_) & ((1 << bits_) - 1);
    return numbers.to(Array::Type::kU8).view({shape[0], shape[1] * (of_ / bits_)});
  }

  // They were stored with 2^(bits - 1) added: I8 without it.
  Array without_middle(const Array& numbers) const { return (numbers - (1 << (bits_ - 1))).bits_as(Array::Type::kI8); }

 private:
  static Array shifts(int bits, int of, const Array& like) {
    std::vector<std::int32_t> shifts;
    for (int shift = 0; shift + bits <= of; shift += bits) shifts.push_back(shift);
    return like.constant(std::span<const std::int32_t>(shifts)).to(of == 8 ? Array::Type::kU8 : Array::Type::kI32);
  }

  int bits_, of_;  // of each; of what is taken apart at once: a byte, where none lies across two
  Array shifts_;
};

}  // namespace garage
