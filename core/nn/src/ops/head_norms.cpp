// CohereLayerNorm and StableLmLayerNormPerHead, in their order of casts.
#include "head_norms.hpp"

#include <string>

#include <ATen/ops/layer_norm.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/stack.h>

namespace garage::nn {

HeadNormsOp::HeadNormsOp(torch::nn::Module& module, const HeadNorms& norms, const TensorStore& store) {
  auto& both = *module.register_module("head_norms", std::make_shared<torch::nn::Module>("head_norms"));
  const auto below = [&](const char* role) -> torch::nn::Module& {
    return *both.register_module(role, std::make_shared<torch::nn::Module>(role));
  };
  q_ = made(below("q"), norms.q, store);
  k_ = made(below("k"), norms.k, store);
}

HeadNormsOp::List HeadNormsOp::made(torch::nn::Module& owner, const std::vector<Norm>& norms,
                                    const TensorStore& store) {
  List list{norms.front().kind, norms.front().eps, {}};
  for (std::size_t head = 0; head < norms.size(); ++head) {
    const auto name = std::to_string(head);
    auto& own = *owner.register_module(name, std::make_shared<torch::nn::Module>(name));
    list.weights.push_back(store.weight(norms[head].weight).registered(own, "weight"));
  }
  return list;
}

torch::Tensor HeadNormsOp::List::operator()(const torch::Tensor& heads) const {
  std::vector<torch::Tensor> rows;
  for (const auto& weight : weights) rows.push_back(weight.dense());
  const auto weight = at::stack(rows).to(torch::kFloat32).unsqueeze(1);  // (heads, 1, qk_dim)
  const auto x = heads.to(torch::kFloat32);
  const auto normed = kind == NormKind::layer ? at::layer_norm(x, {x.size(-1)}, {}, {}, eps)
                                              : x * at::rsqrt(x.pow(2).mean(-1, /*keepdim=*/true) + eps);
  return (normed * weight).to(heads.scalar_type());
}

}  // namespace garage::nn
