#include "dtype_names.hpp"

#include <torch/version.h>

namespace garage::nn {
namespace {

struct Type {
  DType ours;
  torch::ScalarType theirs;
  std::string_view name;
};

constexpr Type kTypes[] = {
    {DType::kBool, torch::kBool, "bool"},
    {DType::kU8, torch::kUInt8, "uint8"},
    {DType::kI8, torch::kInt8, "int8"},
    {DType::kI16, torch::kInt16, "int16"},
    {DType::kI32, torch::kInt32, "int32"},
    {DType::kI64, torch::kInt64, "int64"},
    {DType::kF16, torch::kFloat16, "float16"},
    {DType::kBF16, torch::kBFloat16, "bfloat16"},
    {DType::kF32, torch::kFloat32, "float32"},
    {DType::kF64, torch::kFloat64, "float64"},
    {DType::kC64, torch::kComplexFloat, "complex64"},
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 1)
    {DType::kF8E4M3, torch::kFloat8_e4m3fn, "float8_e4m3fn"},
    {DType::kF8E5M2, torch::kFloat8_e5m2, "float8_e5m2"},
#endif
};

}  // namespace

std::optional<torch::ScalarType> scalar_type_of(DType dtype) {
  for (const auto& type : kTypes)
    if (type.ours == dtype) return type.theirs;
  return std::nullopt;
}

std::optional<DType> dtype_of(torch::ScalarType type) {
  for (const auto& known : kTypes)
    if (known.theirs == type) return known.ours;
  return std::nullopt;
}

std::string_view torch_name(torch::ScalarType type) {
  for (const auto& known : kTypes)
    if (known.theirs == type) return known.name;
  return c10::toString(type);
}

}  // namespace garage::nn
