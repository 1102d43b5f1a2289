// Norms of q and k of which each head has its own weight.
#pragma once

#include <vector>

#include <torch/nn/module.h>
#include <torch/types.h>

#include <garage/blueprint.hpp>

#include "../weights/tensor_store.hpp"

namespace garage::nn {

class HeadNormsOp {
 public:
  // Registers its parameters below "head_norms": "head_norms.q.0.weight".
  HeadNormsOp(torch::nn::Module& module, const HeadNorms& norms, const TensorStore& store);

  // (batch, heads, seq, qk_dim)
  torch::Tensor of_queries(const torch::Tensor& q) const { return q_(q); }
  torch::Tensor of_keys(const torch::Tensor& k) const { return k_(k); }

 private:
  struct List {
    NormKind kind;
    double eps;
    std::vector<Weight> weights;
    torch::Tensor operator()(const torch::Tensor& heads) const;
  };
  static List made(torch::nn::Module& owner, const std::vector<Norm>& norms, const TensorStore& store);

  List q_, k_;
};

}  // namespace garage::nn
