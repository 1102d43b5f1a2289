// transformers: Qwen3NextGatedDeltaNet and torch_chunk_gated_delta_rule (modeling_qwen3_next.py).
#include <algorithm>
#include <cmath>
#include <vector>

#include <ATen/ops/cat.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_solve_triangular.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/softplus.h>
#include <ATen/ops/zeros.h>

#include <garage/nn/causal_convolution.hpp>

#include "modules.hpp"
#include "recurrence.hpp"

namespace garage::nn {
namespace {

constexpr std::int64_t kChunk = 64;  // tokens that are computed at once

// Of value heads: (batch, heads, seq, dim), float32; beta and decay (batch, heads, seq), decay as logarithms.
struct Rows {
  torch::Tensor q, k, v, beta, decay;

  Rows narrowed(std::int64_t start, std::int64_t length) const {
    const auto of = [&](const torch::Tensor& x) { return x.narrow(2, start, length); };
    return {of(q), of(k), of(v), of(beta), of(decay)};
  }
};

// What the tokens of one chunk give, (batch, heads, seq, value_dim); state (batch, heads, key_dim, value_dim) becomes
// what it is after them. Each token's value is what is left of it once those before it, of its own chunk, have been
// written: a triangular system.
torch::Tensor chunk_of_rows(const Rows& rows, torch::Tensor& state) {
  const auto total = rows.decay.cumsum(-1);                                            // since the chunk began
  const auto decay = (total.unsqueeze(-1) - total.unsqueeze(-2)).tril().exp().tril();  // (…, seq, seq)
  const auto beta = rows.beta.unsqueeze(-1);
  const auto k_beta = rows.k * beta;
  const auto overlap = (at::matmul(k_beta, rows.k.transpose(-1, -2)) * decay).tril(-1);
  const auto one = at::eye(overlap.size(-1), overlap.options());
  const auto inverse = at::linalg_solve_triangular(overlap + one, one.expand_as(overlap), /*upper=*/false,
                                                   /*left=*/true, /*unitriangular=*/true);
  const auto fresh =
      at::matmul(inverse, rows.v * beta) - at::matmul(at::matmul(inverse, k_beta * total.exp().unsqueeze(-1)), state);
  const auto output = at::matmul(rows.q * total.exp().unsqueeze(-1), state) +
                      at::matmul(at::matmul(rows.q, rows.k.transpose(-1, -2)) * decay, fresh);
  const auto end = total.narrow(-1, total.size(-1) - 1, 1);
  const auto kept = rows.k * (end - total).exp().unsqueeze(-1);
  state = state * end.unsqueeze(-1).exp() + at::matmul(kept.transpose(-1, -2), fresh);
  return output;
}

// l2norm
torch::Tensor of_length_1(const torch::Tensor& x) { return x * at::rsqrt((x * x).sum(-1, /*keepdim=*/true) + 1e-6); }

}  // namespace

DeltaNetModule::DeltaNetModule(const std::string& name, const DeltaNet& net, const TensorStore& store)
    : PartModule(name),
      delta_net_(net),
      q_(add_linear(*this, "q", net.q, store)),
      k_(add_linear(*this, "k", net.k, store)),
      v_(add_linear(*this, "v", net.v, store)),
      gate_(add_linear(*this, "gate", net.gate, store)),
      beta_(add_linear(*this, "beta", net.beta, store)),
      decay_(add_linear(*this, "decay", net.decay, store)),
      o_(add_linear(*this, "o", net.o, store)),
      q_conv_(store.weight(net.q_conv).registered(*this, "q_conv")),
      k_conv_(store.weight(net.k_conv).registered(*this, "k_conv")),
      v_conv_(store.weight(net.v_conv).registered(*this, "v_conv")),
      rate_(store.weight(net.rate).registered(*this, "rate")),
      decay_bias_(store.weight(net.decay_bias).registered(*this, "decay_bias")),
      norm_(register_module("norm", std::make_shared<NormModule>(name + ".norm", net.norm, store))) {}

// (batch, seq, channels): silu of each channel's own convolution over the positions up to each, those of passes before
// this one included.
torch::Tensor DeltaNetModule::convolved(const std::string& role, const LinearMap& map, const Weight& kernel,
                                        const torch::Tensor& input, Memory* memory) const {
  torch::Tensor none;
  auto& before = memory ? (*memory)[role] : none;
  return at::silu(causal_convolution(map(input).transpose(1, 2), kernel.dense(), {}, before)).transpose(1, 2);
}

torch::Tensor DeltaNetModule::compute(const torch::Tensor& given, Pass& pass) {
  const auto input = recurrent_input(name(), given, pass);
  const auto& net = delta_net_;
  require_hidden_states(input, net.q.in, q_.options());
  if (input.size(1) == 0) return torch::zeros_like(input);
  auto* memory = pass.memory(name());
  const auto serves = net.value_heads / net.key_heads;
  const auto keys = [&](const char* role, const LinearMap& map, const Weight& kernel) {
    const auto x = convolved(role, map, kernel, input, memory).unflatten(-1, {net.key_heads, net.key_dim});
    const auto heads = serves > 1 ? x.repeat_interleave(serves, 2) : x;
    return of_length_1(heads).transpose(1, 2).to(torch::kFloat32);
  };
  const auto of_heads = [](const torch::Tensor& x) { return x.transpose(1, 2).to(torch::kFloat32); };
  const Rows rows{keys("q", q_, q_conv_) * (1 / std::sqrt(static_cast<double>(net.key_dim))), keys("k", k_, k_conv_),
                  of_heads(convolved("v", v_, v_conv_, input, memory).unflatten(-1, {net.value_heads, net.value_dim})),
                  of_heads(net.beta_scale ? at::sigmoid(beta_(input)) * *net.beta_scale : at::sigmoid(beta_(input))),
                  of_heads(-rate_.dense().to(torch::kFloat32).exp() *
                           at::softplus(decay_(input).to(torch::kFloat32) + decay_bias_.dense()))};

  torch::Tensor state;
  if (memory) state = (*memory)["state"];
  if (!state.defined())
    state = torch::zeros({input.size(0), net.value_heads, net.key_dim, net.value_dim}, rows.q.options());
  std::vector<torch::Tensor> outputs;
  for (std::int64_t start = 0; start < input.size(1); start += kChunk)
    outputs.push_back(chunk_of_rows(rows.narrowed(start, std::min(kChunk, input.size(1) - start)), state));
  if (memory) (*memory)["state"] = state;

  const auto heads = at::cat(outputs, 2).transpose(1, 2).to(input.scalar_type());  // (batch, seq, heads, value_dim)
  const auto gate = gate_(input).unflatten(-1, {net.value_heads, net.value_dim});
  const auto normed = norm_->forward(heads, pass) * at::silu(gate.to(torch::kFloat32));
  return o_(normed.to(input.scalar_type()).flatten(2));
}

}  // namespace garage::nn
