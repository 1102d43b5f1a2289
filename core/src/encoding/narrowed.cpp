#include "narrowed.hpp"

#include <cstdint>
#include <cstring>

#include "numbers.hpp"
#include "wide_vectors.hpp"

namespace garage {
namespace {

template <std::uint16_t (*narrow)(float)>
GARAGE_WIDE_VECTORS void narrow_all(const float* numbers, std::size_t count, char* out) {
  for (std::size_t i = 0; i < count; ++i) {
    const auto number = narrow(numbers[i]);
    std::memcpy(out + i * sizeof number, &number, sizeof number);
  }
}

template <std::uint16_t (*narrow)(float), float (*widen)(std::uint16_t)>
GARAGE_WIDE_VECTORS void round_all(float* numbers, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) numbers[i] = widen(narrow(numbers[i]));
}

}  // namespace

std::string narrowed(std::span<const float> numbers, DType dtype) {
  if (dtype != DType::kBF16 && dtype != DType::kF16)
    return std::string(reinterpret_cast<const char*>(numbers.data()), numbers.size_bytes());
  std::string bytes(numbers.size() * sizeof(std::uint16_t), '\0');
  (dtype == DType::kBF16 ? narrow_all<bfloat_of> : narrow_all<half_of>)(numbers.data(), numbers.size(), bytes.data());
  return bytes;
}

void round_to(DType dtype, std::span<float> numbers) {
  if (dtype == DType::kBF16) round_all<bfloat_of, float_of_bfloat>(numbers.data(), numbers.size());
  if (dtype == DType::kF16) round_all<half_of, float_of_half>(numbers.data(), numbers.size());
}

}  // namespace garage
