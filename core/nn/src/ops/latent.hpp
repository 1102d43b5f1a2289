// Keys and values of latent attention: MiniCPM's, DeepSeek's and Mistral 4's (transformers: DeepseekV3Attention).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include <torch/nn/module.h>
#include <torch/types.h>

#include <garage/blueprint.hpp>
#include <garage/nn/pass.hpp>

#include "projection.hpp"

namespace garage::nn {

class LatentOp {
 public:
  // Registers its parameters below "latent": "latent.down.weight".
  LatentOp(torch::nn::Module& module, const Attention& attention, const TensorStore& store);

  // x (batch, seq, hidden) to (batch, heads, seq, qk_dim), whose last shared_dim are the same in all heads, and
  // (batch, heads, seq, v_dim).
  std::pair<torch::Tensor, torch::Tensor> operator()(const torch::Tensor& x, Pass& pass) const;

 private:
  std::int64_t heads_, shared_dim_, own_dim_, v_dim_;
  LinearMap down_, up_;
  std::shared_ptr<NormModule> norm_;
  std::optional<double> scale_;
};

}  // namespace garage::nn
