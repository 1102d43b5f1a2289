#include "projection.hpp"

#include "modules.hpp"

namespace garage::nn {

LinearMap add_linear(torch::nn::Module& module, const std::string& role, const Linear& linear,
                     const TensorStore& store) {
  auto* owner = &module;
  if (!role.empty()) owner = module.register_module(role, std::make_shared<torch::nn::Module>(role)).get();
  return {store.weight(linear.weight).registered(*owner, "weight"),
          store.weight(linear.bias).registered(*owner, "bias")};
}

ProjectionOp::ProjectionOp(torch::nn::Module& module, const std::string& role, const Projection& projection,
                           const TensorStore& store) {
  if (const auto* linear = std::get_if<Linear>(&projection)) {
    up_ = add_linear(module, role, *linear, store);
    return;
  }
  const auto& low = std::get<LowRank>(projection);
  auto& owner = *module.register_module(role, std::make_shared<torch::nn::Module>(role));
  down_ = add_linear(owner, "down", low.down, store);
  if (low.norm)
    norm_ = owner.register_module("norm", std::make_shared<NormModule>(role + ".norm", *low.norm, store));
  up_ = add_linear(owner, "up", low.up, store);
}

torch::Tensor ProjectionOp::operator()(const torch::Tensor& x, Pass& pass) const {
  if (!down_) return up_(x);
  const auto few = (*down_)(x);
  return up_(norm_ ? norm_->forward(few, pass) : few);
}

}  // namespace garage::nn
