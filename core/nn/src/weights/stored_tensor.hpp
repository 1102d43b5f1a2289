// The tensors of weight files as LibTorch has them, on the CPU.
#pragma once

#include <span>

#include <torch/types.h>

#include <garage/blueprint/tensor_ref.hpp>
#include <garage/model.hpp>
#include <garage/weight_files.hpp>

namespace garage::nn {

// The LibTorch dtype of what the tensor stands for. Throws kUnsupported: this LibTorch has none.
torch::ScalarType scalar_type_of(const WeightFiles& files, const TensorInfo& info);

// Of a plain one, a view of the mapped file; of an encoded one, what it stands for, in the dtype that the model says,
// of which no more is decoded than the view begins with. Throws kUnsupported (as scalar_type_of), kCorrupt.
torch::Tensor stored_tensor(WeightFiles& files, const TensorInfo& info, std::span<const ViewStep> view);

}  // namespace garage::nn
