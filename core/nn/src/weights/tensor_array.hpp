// What encodings are decoded with (garage/array.hpp), by LibTorch's tensors: on a GPU, and on the CPU, where the same
// is tried.
#pragma once

#include <torch/types.h>

#include <garage/array.hpp>

namespace garage::nn {

Array array_of(torch::Tensor tensor);
// Requires: array_of made it, or what it is made from.
const torch::Tensor& tensor_of(const Array& array);

}  // namespace garage::nn
