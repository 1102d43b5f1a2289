#include "modules.hpp"

namespace garage::nn {

Projection add_projection(torch::nn::Module& module, const std::string& role, const Linear& linear,
                          const TensorStore& store) {
  auto* owner = &module;
  if (!role.empty()) owner = module.register_module(role, std::make_shared<torch::nn::Module>(role)).get();
  return {store.weight(linear.weight).registered(*owner, "weight"),
          store.weight(linear.bias).registered(*owner, "bias")};
}

LinearModule::LinearModule(const std::string& name, const Linear& linear, const TensorStore& store)
    : PartModule(name), projection_(add_projection(*this, "", linear, store)) {}

torch::Tensor LinearModule::compute(const torch::Tensor& input, Pass&) { return projection_(input); }

}  // namespace garage::nn
