// CustomModule: what nn libraries make of a custom part whose weights are tensors by role.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include <torch/nn/functional/linear.h>

#include <garage/nn/nn_library.hpp>

namespace garage::nn {

class CustomModule : public PartModule {
 protected:
  // Every tensor of the part becomes a parameter, which asks for no gradient.
  explicit CustomModule(const CustomPart& part) : PartModule(part.name), hidden_(part.spec.input_dim) {
    for (const auto& [role, tensor] : part.custom.tensors) {
      auto name = role;
      for (auto& c : name)
        if (c == '.') c = '_';  // LibTorch's parameter names have no dots
      tensors_[role] = register_parameter(name, part.tensor(role), /*requires_grad=*/false);
    }
  }

  // Undefined where the model has no such tensor.
  const torch::Tensor& of(const std::string& role) const {
    static const torch::Tensor kNone;
    const auto found = tensors_.find(role);
    return found == tensors_.end() ? kNone : found->second;
  }

  // x weight^T + bias of a module, "out_proj"; without a bias where it has none.
  torch::Tensor linear(const std::string& module, const torch::Tensor& x) const {
    return torch::nn::functional::linear(x, of(module + ".weight"), of(module + ".bias"));
  }

  std::int64_t hidden() const noexcept { return hidden_; }  // the part's input_dim

 private:
  std::int64_t hidden_;
  std::map<std::string, torch::Tensor> tensors_;
};

}  // namespace garage::nn
