#include <garage/dtype.hpp>

#include <array>

namespace garage {
namespace {

struct Row {
  std::string_view name;
  int bits;
};

// safetensors/src/tensor.rs, `Dtype`: BOOL takes a byte; F4 and F6 are counted in bits.
constexpr std::array<Row, kDTypeCount> kRows = {{
    {"BOOL", 8},    {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6},     {"U8", 8},          {"I8", 8},
    {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"I16", 16},
    {"U16", 16},    {"F16", 16},    {"BF16", 16},   {"I32", 32},        {"U32", 32},        {"F32", 32},
    {"C64", 64},    {"F64", 64},    {"I64", 64},    {"U64", 64},
}};

}  // namespace

std::string_view to_string(DType dtype) noexcept {
  return dtype == DType::kOther ? "?" : kRows[static_cast<std::size_t>(dtype)].name;
}

std::optional<DType> dtype_from(std::string_view name) noexcept {
  for (const auto usual : {DType::kBF16, DType::kF16, DType::kF32})  // what nearly all tensors are
    if (to_string(usual) == name) return usual;
  for (std::size_t i = 0; i < kRows.size(); ++i)
    if (kRows[i].name == name) return static_cast<DType>(i);
  return std::nullopt;
}

int bits(DType dtype) noexcept { return dtype == DType::kOther ? 0 : kRows[static_cast<std::size_t>(dtype)].bits; }

bool is_integral(DType dtype) noexcept {
  switch (dtype) {
    case DType::kBool:
    case DType::kU8:
    case DType::kI8:
    case DType::kI16:
    case DType::kU16:
    case DType::kI32:
    case DType::kU32:
    case DType::kI64:
    case DType::kU64: return true;
    default: return false;
  }
}

}  // namespace garage
