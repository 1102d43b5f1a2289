#include "convolution.hpp"

#include <garage/nn/causal_convolution.hpp>

namespace garage::nn {

ConvolutionOp::ConvolutionOp(torch::nn::Module& module, const CausalConvolution& convolution,
                             const TensorStore& store) {
  auto& owner = *module.register_module("convolution", std::make_shared<torch::nn::Module>("convolution"));
  weight_ = store.weight(convolution.weight).registered(owner, "weight");
  bias_ = store.weight(convolution.bias).registered(owner, "bias");
}

torch::Tensor ConvolutionOp::operator()(const torch::Tensor& x, Memory* memory) const {
  torch::Tensor none;
  auto& before = memory ? (*memory)["convolution"] : none;
  return causal_convolution(x.transpose(1, 2), weight_.dense(), bias_.dense(), before).transpose(1, 2);
}

}  // namespace garage::nn
