// A causal convolution of each channel by itself, of sequences that may come in pieces: what state spaces and delta
// nets have before their recurrence.
#pragma once

#include <torch/types.h>

#include <garage/export.hpp>

namespace garage::nn {

// x is (batch, channels, seq), and so is the result: at each position the sum over it and the kernel - 1 positions
// before it. kernel is [channels, kernel], bias [channels] or undefined. before is (batch, channels, kernel - 1), the
// columns before x, or undefined, which is zeros; it becomes those before what comes next.
GARAGE_API torch::Tensor causal_convolution(const torch::Tensor& x, const torch::Tensor& kernel,
                                            const torch::Tensor& bias, torch::Tensor& before);

}  // namespace garage::nn
