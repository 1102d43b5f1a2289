// What projects: a linear map, or several one after another.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include <torch/nn/module.h>
#include <torch/types.h>

#include <garage/blueprint.hpp>
#include <garage/nn/pass.hpp>

#include "../weights/tensor_store.hpp"

namespace garage::nn {

class NormModule;

// weight [out, in], bias [out] or none: the parameters of one linear map.
struct LinearMap {
  Weight weight, bias;
  torch::Tensor operator()(const torch::Tensor& x) const { return weight.apply(x, bias); }
  torch::TensorOptions options() const { return weight.options(); }
};

// Registers them as "<role>.weight" and "<role>.bias", or without a role as "weight" and "bias".
LinearMap add_linear(torch::nn::Module& module, const std::string& role, const Linear& linear,
                     const TensorStore& store);

class ProjectionOp {
 public:
  // Registers its parameters below the role: "q.weight", or "q.down.weight", "q.norm.weight" and "q.up.weight".
  ProjectionOp(torch::nn::Module& module, const std::string& role, const Projection& projection,
               const TensorStore& store);

  torch::Tensor operator()(const torch::Tensor& x, Pass& pass) const;
  torch::TensorOptions options() const { return up_.options(); }

 private:
  std::optional<LinearMap> down_;
  std::shared_ptr<NormModule> norm_;
  LinearMap up_;
};

}  // namespace garage::nn
