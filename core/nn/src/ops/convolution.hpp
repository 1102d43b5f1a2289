// A CausalConvolution within a part, which goes on from piece to piece.
#pragma once

#include <torch/nn/module.h>
#include <torch/types.h>

#include <garage/blueprint.hpp>
#include <garage/nn/sequence.hpp>

#include "../weights/tensor_store.hpp"

namespace garage::nn {

class ConvolutionOp {
 public:
  // Registers its parameters below "convolution".
  ConvolutionOp(torch::nn::Module& module, const CausalConvolution& convolution, const TensorStore& store);

  // (batch, seq, channels) in and out. What the next piece needs is memory's "convolution"; null: there is none.
  torch::Tensor operator()(const torch::Tensor& x, Memory* memory) const;

 private:
  Weight weight_, bias_;
};

}  // namespace garage::nn
