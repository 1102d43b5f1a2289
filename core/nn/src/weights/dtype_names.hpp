// LibTorch's element types and ours.
#pragma once

#include <optional>
#include <string_view>

#include <torch/types.h>

#include <garage/dtype.hpp>

namespace garage::nn {

std::optional<torch::ScalarType> scalar_type_of(DType dtype);  // nothing: this LibTorch has none
std::optional<DType> dtype_of(torch::ScalarType type);         // nothing: the safetensors format has none
std::string_view torch_name(torch::ScalarType type);           // "float32", as users of torch spell it

}  // namespace garage::nn
