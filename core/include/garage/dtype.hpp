// DType: the element types of the safetensors format, by its own names.
//
// A dtype crosses the plugin boundary as text, and no plugin interprets it: one that a plugin's SDK had not heard of is
// kOther there, and its model is a model like any other. The core itself never makes that.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <garage/export.hpp>

namespace garage {

// In the order of the specification: increasing alignment.
enum class DType : std::uint8_t {
  kBool,
  kF4,
  kF6E2M3,
  kF6E3M2,
  kU8,
  kI8,
  kF8E5M2,
  kF8E4M3,
  kF8E8M0,
  kF8E4M3Fnuz,
  kF8E5M2Fnuz,
  kI16,
  kU16,
  kF16,
  kBF16,
  kI32,
  kU32,
  kF32,
  kC64,
  kF64,
  kI64,
  kU64,
  kOther,  // on a plugin's side: one that came after its SDK
};

inline constexpr int kDTypeCount = 22;  // that have names

GARAGE_API std::string_view to_string(DType dtype) noexcept;  // "BF16"; "?" for kOther
GARAGE_API std::optional<DType> dtype_from(std::string_view name) noexcept;
GARAGE_API int bits(DType dtype) noexcept;  // of one element: 4, 6, 8, 16, 32 or 64; 0 for kOther

// A packed or counted type, never a learned number: BOOL and the integers.
GARAGE_API bool is_integral(DType dtype) noexcept;

}  // namespace garage
