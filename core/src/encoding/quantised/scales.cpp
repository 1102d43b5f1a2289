#include "scales.hpp"

#include <cmath>

#include "../numbers.hpp"

namespace garage {
namespace {

template <class Stored, class AsFloat>
void read_as(const std::uint8_t* begin, std::int64_t first, std::int64_t count, float* out, AsFloat as_float) noexcept {
  const auto* at = begin + first * static_cast<std::int64_t>(sizeof(Stored));
  for (std::int64_t i = 0; i < count; ++i)
    out[i] = as_float(load<Stored>(at + i * static_cast<std::int64_t>(sizeof(Stored))));
}

float power_of_two(std::uint8_t exponent) { return std::ldexp(1.0F, exponent - 127); }

}  // namespace

void read_scales(DType dtype, const std::uint8_t* begin, std::int64_t first, std::int64_t count, float* out) noexcept {
  switch (dtype) {
    case DType::kF16: return read_as<std::uint16_t>(begin, first, count, out, float_of_half);
    case DType::kBF16: return read_as<std::uint16_t>(begin, first, count, out, float_of_bfloat);
    case DType::kF8E4M3: return read_as<std::uint8_t>(begin, first, count, out, float_of_e4m3);
    case DType::kF8E8M0: return read_as<std::uint8_t>(begin, first, count, out, float_of_e8m0);
    case DType::kU8: return read_as<std::uint8_t>(begin, first, count, out, power_of_two);
    default: return read_as<float>(begin, first, count, out, [](float scale) { return scale; });
  }
}

Reader reader_of_scales(DType dtype, const Array& like) {
  switch (dtype) {
    case DType::kF16: return reader_of(Array::Type::kF16);
    case DType::kBF16: return reader_of(Array::Type::kBF16);
    case DType::kF8E4M3: return reader_of_bytes(numbers_of_bytes(float_of_e4m3), like);
    case DType::kF8E8M0: return reader_of_bytes(numbers_of_bytes(float_of_e8m0), like);
    case DType::kU8: return reader_of_bytes(numbers_of_bytes(power_of_two), like);
    default: return reader_of(Array::Type::kF32);
  }
}

}  // namespace garage
