#include "activation.hpp"
#include "modules.hpp"

namespace garage::nn {

DenseOp::DenseOp(torch::nn::Module& module, const std::string& role, const Dense& dense, const TensorStore& store)
    : map_(add_linear(module, role, dense.linear, store)), activation_(dense.activation) {
  if (!dense.norm) return;
  norm_ = std::make_shared<NormModule>(role + "norm", *dense.norm, store);
  module.register_module(role.empty() ? "norm" : role + "_norm", norm_);
}

torch::Tensor DenseOp::operator()(const torch::Tensor& x, Pass& pass) const {
  const auto given = activate(activation_, map_(x));
  return norm_ ? norm_->forward(given, pass) : given;
}

DenseModule::DenseModule(const std::string& name, const Dense& dense, const TensorStore& store)
    : PartModule(name), dense_(*this, "", dense, store) {}

torch::Tensor DenseModule::compute(const torch::Tensor& input, Pass& pass) { return dense_(input, pass); }

}  // namespace garage::nn
