#include <ATen/ops/linear.h>

#include "modules.hpp"

namespace garage::nn {

torch::Tensor add_parameter(torch::nn::Module& module, const std::string& role, const torch::Tensor& tensor) {
  if (!tensor.defined()) return tensor;
  return module.register_parameter(role, tensor, /*requires_grad=*/false);
}

Projection add_projection(torch::nn::Module& module, const std::string& role, const Linear& linear,
                          const TensorStore& store) {
  auto* owner = &module;
  if (!role.empty()) owner = module.register_module(role, std::make_shared<torch::nn::Module>(role)).get();
  return {add_parameter(*owner, "weight", store.tensor(linear.weight)),
          add_parameter(*owner, "bias", store.tensor(linear.bias))};
}

torch::Tensor Projection::operator()(const torch::Tensor& x) const { return at::linear(x, weight, bias); }

LinearModule::LinearModule(const std::string& name, const Linear& linear, const TensorStore& store)
    : PartModule(name), projection_(add_projection(*this, "", linear, store)) {}

torch::Tensor LinearModule::compute(const torch::Tensor& input, const ForwardContext&) { return projection_(input); }

}  // namespace garage::nn
