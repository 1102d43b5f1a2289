// A TensorRef's view of LibTorch's tensors.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <torch/types.h>

#include <garage/blueprint/tensor_ref.hpp>
#include <garage/model.hpp>

namespace garage::nn {

torch::Tensor seen_through(torch::Tensor tensor, std::span<const ViewStep> view);

// What the first steps of a view leave of a tensor's first dimension, where that is a part of it: no more need be
// decoded.
struct FirstRows {
  std::int64_t first = 0, count = 0;
  std::vector<ViewStep> rest;  // of [count, the other dimensions]
};
FirstRows first_rows(const TensorInfo& info, std::span<const ViewStep> view);

}  // namespace garage::nn
