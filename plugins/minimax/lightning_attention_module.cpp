// MiniMaxLightningAttention (modeling_minimax.py; arXiv:2405.17381). Of each head, with its slope:
//
//   state[t] = exp(-slope) * state[t - 1] + k[t] v[t]^T
//   y[t]     = q[t] state[t]
//
// computed block by block: within a block all pairs of positions at once, and before it by the state.
#include <algorithm>
#include <string>
#include <vector>

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/zeros.h>

#include <garage/nn/custom_module.hpp>

#include "own_modules.hpp"

namespace {

using garage::nn::CustomModule;
using garage::nn::CustomPart;
using garage::nn::Memory;
using garage::nn::Pass;

class LightningAttention : public CustomModule {
 public:
  explicit LightningAttention(const CustomPart& part)
      : CustomModule(part),
        heads_(part.custom.attributes.at("heads").to_number<std::int64_t>()),
        block_(part.custom.attributes.at("block").to_number<std::int64_t>()),
        norm_eps_(part.custom.attributes.at("norm_eps").to_number<double>()) {}

 protected:
  torch::Tensor compute(const torch::Tensor& input, Pass& pass) override {
    require_hidden_states(input, hidden(), of("qkv_proj.weight").options());
    if (pass.mask().defined())
      throw garage::Error(garage::Errc::kUnsupported,
                          name() + ": a mask of scores does not say which tokens are padding: give an attention_mask");
    const auto qkv = at::silu(linear("qkv_proj", input)).unflatten(-1, {heads_, -1}).chunk(3, -1);
    const auto by_head = [&](const torch::Tensor& x) { return x.unflatten(-1, {heads_, -1}).transpose(1, 2); };
    const auto values = pass.without_padding(qkv[2].flatten(2));  // padding adds nothing to the memory
    auto* memory = pass.memory(name());
    Memory nothing;
    const auto y =
        attend(qkv[0].transpose(1, 2), qkv[1].transpose(1, 2), by_head(values), (memory ? *memory : nothing)["state"]);
    const auto given = normed(y.transpose(1, 2).flatten(2));
    return linear("out_proj", at::sigmoid(linear("output_gate", input)) * given);
  }

 private:
  // Of q, k and v, (batch, heads, seq, head_dim); state (batch, heads, head_dim, head_dim) goes on.
  torch::Tensor attend(const torch::Tensor& q, const torch::Tensor& k, const torch::Tensor& v,
                       torch::Tensor& state) const {
    if (!state.defined()) state = at::zeros({q.size(0), heads_, q.size(-1), q.size(-1)}, q.options());
    std::vector<torch::Tensor> blocks;
    for (std::int64_t start = 0; start < q.size(2); start += block_) {
      const auto size = std::min(block_, q.size(2) - start);
      blocks.push_back(
          attend_block(q.narrow(2, start, size), k.narrow(2, start, size), v.narrow(2, start, size), state));
    }
    return blocks.empty() ? v : at::cat(blocks, 2);
  }

  torch::Tensor attend_block(const torch::Tensor& q, const torch::Tensor& k, const torch::Tensor& v,
                             torch::Tensor& state) const {
    const auto& slope = of("slope_rate");                                           // (heads, 1, 1)
    const auto place = torch::arange(1, q.size(2) + 1, q.options()).unsqueeze(-1);  // (seq, 1)
    const auto last = static_cast<double>(q.size(2));
    const auto distance = place - place.transpose(0, 1);
    const auto fade = at::exp(-slope * distance.clamp_min(0)).masked_fill(distance < 0, 0);  // (heads, seq, seq)
    const auto within = at::matmul(at::matmul(q, k.transpose(-1, -2)) * fade, v);
    const auto before = at::matmul(q * at::exp(-slope * place), state);
    state = state * at::exp(-slope * last) + at::matmul((k * at::exp(-slope * (last - place))).transpose(-1, -2), v);
    return before + within;
  }

  // MiniMaxRMSNorm
  torch::Tensor normed(const torch::Tensor& x) const {
    const auto wide = x.to(torch::kFloat32);
    return of("norm.weight") *
           (wide * (wide.pow(2).mean(-1, /*keepdim=*/true) + norm_eps_).rsqrt()).to(x.scalar_type());
  }

  std::int64_t heads_, block_;
  double norm_eps_;
};

}  // namespace

std::shared_ptr<garage::nn::PartModule> make_lightning_attention(const CustomPart& part) {
  return std::make_shared<LightningAttention>(part);
}
