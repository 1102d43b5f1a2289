#include "narrowed.hpp"

#include <cstdint>
#include <cstring>

#include "numbers.hpp"
#include "wide_vectors.hpp"

namespace garage {
namespace {

void store(char* out, std::size_t index, std::uint16_t number) {
  std::memcpy(out + index * sizeof number, &number, sizeof number);
}

GARAGE_WIDE_VECTORS void narrow_to_bfloat(const float* numbers, std::size_t count, char* out) {
  for (std::size_t i = 0; i < count; ++i) store(out, i, bfloat_of(numbers[i]));
}
GARAGE_WIDE_VECTORS void narrow_to_half(const float* numbers, std::size_t count, char* out) {
  for (std::size_t i = 0; i < count; ++i) store(out, i, half_of(numbers[i]));
}
GARAGE_WIDE_VECTORS void round_to_bfloat(float* numbers, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) numbers[i] = float_of_bfloat(bfloat_of(numbers[i]));
}
GARAGE_WIDE_VECTORS void round_to_half(float* numbers, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) numbers[i] = float_of_half(half_of(numbers[i]));
}

}  // namespace

std::string narrowed(std::span<const float> numbers, DType dtype) {
  if (dtype != DType::kBF16 && dtype != DType::kF16)
    return std::string(reinterpret_cast<const char*>(numbers.data()), numbers.size_bytes());
  std::string bytes(numbers.size() * sizeof(std::uint16_t), '\0');
  (dtype == DType::kBF16 ? narrow_to_bfloat : narrow_to_half)(numbers.data(), numbers.size(), bytes.data());
  return bytes;
}

void round_to(DType dtype, std::span<float> numbers) {
  if (dtype == DType::kBF16) round_to_bfloat(numbers.data(), numbers.size());
  if (dtype == DType::kF16) round_to_half(numbers.data(), numbers.size());
}

}  // namespace garage
