// The tensors of weight files as LibTorch has them, on the CPU.
#pragma once

#include <cstdint>

#include <torch/types.h>

#include <garage/model.hpp>
#include <garage/weight_files.hpp>

namespace garage::nn {

// Of a plain one, a view of the mapped file; of an encoded one, what it stands for, in the dtype that the model says.
// Throws kUnsupported (a dtype that this LibTorch lacks), kCorrupt.
torch::Tensor whole_tensor(WeightFiles& files, const TensorInfo& info);

// Rows of an encoded tensor, by its first dimension. Requires: two dimensions or more; the rows are there.
torch::Tensor decoded_rows(WeightFiles& files, const TensorInfo& info, std::int64_t first, std::int64_t count);

}  // namespace garage::nn
