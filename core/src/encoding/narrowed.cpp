#include "narrowed.hpp"

#include <cstdint>
#include <cstring>

#include "numbers.hpp"

namespace garage {
namespace {

template <std::uint16_t (*narrow)(float) noexcept>
std::string as_16_bits(std::span<const float> numbers) {
  std::string bytes(numbers.size() * sizeof(std::uint16_t), '\0');
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto number = narrow(numbers[i]);
    std::memcpy(bytes.data() + i * sizeof number, &number, sizeof number);
  }
  return bytes;
}

}  // namespace

std::string narrowed(std::span<const float> numbers, DType dtype) {
  if (dtype == DType::kBF16) return as_16_bits<bfloat_of>(numbers);
  if (dtype == DType::kF16) return as_16_bits<half_of>(numbers);
  return std::string(reinterpret_cast<const char*>(numbers.data()), numbers.size_bytes());
}

void round_to(DType dtype, std::span<float> numbers) {
  if (dtype == DType::kBF16)
    for (auto& number : numbers) number = float_of_bfloat(bfloat_of(number));
  if (dtype == DType::kF16)
    for (auto& number : numbers) number = float_of_half(half_of(number));
}

}  // namespace garage
