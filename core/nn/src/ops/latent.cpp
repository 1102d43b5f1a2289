#include "latent.hpp"

#include <ATen/ops/cat.h>

#include "modules.hpp"

namespace garage::nn {

LatentOp::LatentOp(torch::nn::Module& module, const Attention& attention, const TensorStore& store)
    : heads_(attention.heads),
      shared_dim_(attention.latent->shared_dim),
      own_dim_(attention.qk_dim - attention.latent->shared_dim),
      v_dim_(attention.v_dim),
      scale_(attention.latent->scale) {
  auto& owner = *module.register_module("latent", std::make_shared<torch::nn::Module>("latent"));
  down_ = add_linear(owner, "down", attention.latent->down, store);
  norm_ = owner.register_module("norm", std::make_shared<NormModule>("latent.norm", attention.latent->norm, store));
  up_ = add_linear(owner, "up", attention.latent->up, store);
}

std::pair<torch::Tensor, torch::Tensor> LatentOp::operator()(const torch::Tensor& x, Pass& pass) const {
  const auto low = down_(x);
  const auto rank = low.size(-1) - shared_dim_;
  auto latent = norm_->forward(low.narrow(-1, 0, rank), pass);
  if (scale_) latent = latent * *scale_;
  const auto heads = up_(latent).unflatten(-1, {heads_, -1}).transpose(1, 2);
  const auto shared = low.narrow(-1, rank, shared_dim_).unsqueeze(1).expand({-1, heads_, -1, -1});
  return {at::cat({heads.narrow(-1, 0, own_dim_), shared}, -1), heads.narrow(-1, own_dim_, v_dim_)};
}

}  // namespace garage::nn
