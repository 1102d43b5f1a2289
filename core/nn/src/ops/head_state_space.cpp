// transformers: Mamba2Mixer.torch_forward and MambaRMSNormGated (modeling_mamba2.py); Zamba2RMSNormGated, whose norms are
// of groups; FalconH1Mixer, which scales, and FalconH1RMSNormGated, whose gate may come after the norm.
#include <algorithm>
#include <vector>

#include <ATen/ops/cat.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/softplus.h>
#include <ATen/ops/zeros.h>

#include "activation.hpp"
#include "modules.hpp"
#include "recurrence.hpp"

namespace garage::nn {
namespace {

constexpr std::int64_t kChunk = 64;  // tokens that are computed at once

// Of heads: x (batch, heads, seq, head_dim), b and c (batch, heads, seq, state), float32; dt (batch, heads, seq).
struct Rows {
  torch::Tensor x, b, c, dt;

  Rows narrowed(std::int64_t start, std::int64_t length) const {
    const auto of = [&](const torch::Tensor& all) { return all.narrow(2, start, length); };
    return {of(x), of(b), of(c), of(dt)};
  }
};

// What the tokens of one chunk give, (batch, heads, seq, head_dim); state (batch, heads, state, head_dim) becomes what it
// is after them. rate is (heads, 1), below 0.
torch::Tensor chunk_of_rows(const Rows& rows, const torch::Tensor& rate, torch::Tensor& state) {
  const auto total = (rows.dt * rate).cumsum(-1);                                      // since the chunk began
  const auto decay = (total.unsqueeze(-1) - total.unsqueeze(-2)).tril().exp().tril();  // (…, seq, seq)
  const auto weights = at::matmul(rows.c, rows.b.transpose(-1, -2)) * decay * rows.dt.unsqueeze(-2);
  const auto output = at::matmul(weights, rows.x) + at::matmul(rows.c, state) * total.exp().unsqueeze(-1);
  const auto end = total.narrow(-1, total.size(-1) - 1, 1);
  const auto kept = rows.b * ((end - total).exp() * rows.dt).unsqueeze(-1);
  state = state * end.exp().unsqueeze(-1) + at::matmul(kept.transpose(-1, -2), rows.x);
  return output;
}

// (batch, seq, parts * size) as (batch, heads, seq, size), each part for so many heads.
torch::Tensor as_heads(const torch::Tensor& x, std::int64_t parts, std::int64_t heads) {
  const auto split = x.to(torch::kFloat32).unflatten(-1, {parts, -1}).transpose(1, 2);
  return parts == heads ? split : split.repeat_interleave(heads / parts, 1);
}

}  // namespace

HeadStateSpaceModule::HeadStateSpaceModule(const std::string& name, const HeadStateSpace& space,
                                           const TensorStore& store)
    : PartModule(name),
      space_(space),
      in_(add_linear(*this, "in", space.in, store)),
      o_(add_linear(*this, "o", space.o, store)),
      convolution_(*this, space.convolution, store),
      dt_bias_(store.weight(space.dt_bias).registered(*this, "dt_bias")),
      rate_(store.weight(space.rate).registered(*this, "rate")),
      skip_(store.weight(space.skip).registered(*this, "skip")) {
  if (space.norm) {
    auto& owner = *register_module("norm", std::make_shared<torch::nn::Module>("norm"));
    norm_ = store.weight(space.norm->weight).registered(owner, "weight");
  }
  if (space.segment_scales.empty()) return;
  const auto inner = space.heads * space.head_dim, shared = space.groups * space.state;
  const std::int64_t sizes[] = {inner, inner, shared, shared, space.heads};
  std::vector<torch::Tensor> segments;
  for (std::size_t i = 0; i < space.segment_scales.size(); ++i)
    segments.push_back(torch::full({sizes[i]}, space.segment_scales[i], in_.options()));
  segment_scales_ = at::cat(segments);
}

// (batch, seq, heads), float32. Of padding it is 0, which neither changes what is remembered nor makes it fade.
torch::Tensor HeadStateSpaceModule::steps(const torch::Tensor& dt, Pass& pass) const {
  auto steps = at::softplus(dt.to(torch::kFloat32) + dt_bias_.dense().to(torch::kFloat32));
  if (space_.dt_min) steps = steps.clamp_min(*space_.dt_min);
  if (space_.dt_max) steps = steps.clamp_max(*space_.dt_max);
  return pass.without_padding(steps);
}

// Of y, in float32.
torch::Tensor HeadStateSpaceModule::gated(const torch::Tensor& y, const torch::Tensor& gate) const {
  const auto factor = at::silu(gate.to(torch::kFloat32));
  if (!norm_.defined()) return y * factor;
  const bool gate_comes_last = space_.norm_before_gate.value_or(false);
  const auto x = (gate_comes_last ? y : y * factor).unflatten(-1, {space_.norm_groups.value_or(1), -1});
  const auto normed = (x * at::rsqrt(x.pow(2).mean(-1, /*keepdim=*/true) + space_.norm->eps)).flatten(-2) *
                      norm_.dense().to(torch::kFloat32);
  return gate_comes_last ? normed * factor : normed;
}

torch::Tensor HeadStateSpaceModule::compute(const torch::Tensor& given, Pass& pass) {
  const auto input = recurrent_input(name(), given, pass);
  require_hidden_states(input, space_.in.in, in_.options());
  if (input.size(1) == 0) return torch::zeros_like(input);
  auto* memory = pass.memory(name());
  const auto heads = space_.heads, inner = heads * space_.head_dim, shared = space_.groups * space_.state;
  auto all = in_(space_.input_scale ? input * *space_.input_scale : input);
  if (segment_scales_.defined()) all = all * segment_scales_;
  all = pass.without_padding(all);  // by a bias padding is more than zeros
  const auto gate = all.narrow(-1, 0, inner), dt = all.narrow(-1, all.size(-1) - heads, heads);
  const auto mixed = activate(space_.activation, convolution_(all.narrow(-1, inner, inner + 2 * shared), memory));
  const Rows rows{as_heads(mixed.narrow(-1, 0, inner), heads, heads),
                  as_heads(mixed.narrow(-1, inner, shared), space_.groups, heads),
                  as_heads(mixed.narrow(-1, inner + shared, shared), space_.groups, heads),
                  steps(dt, pass).transpose(1, 2)};
  const auto rate = -rate_.dense().to(torch::kFloat32).exp().unsqueeze(-1);

  torch::Tensor state;
  if (memory) state = (*memory)["state"];
  if (!state.defined()) state = torch::zeros({input.size(0), heads, space_.state, space_.head_dim}, rows.x.options());
  std::vector<torch::Tensor> outputs;
  for (std::int64_t start = 0; start < input.size(1); start += kChunk)
    outputs.push_back(chunk_of_rows(rows.narrowed(start, std::min(kChunk, input.size(1) - start)), rate, state));
  if (memory) (*memory)["state"] = state;

  const auto skip = skip_.dense().to(torch::kFloat32).view({heads, 1, 1});
  const auto y = (at::cat(outputs, 2) + rows.x * skip).transpose(1, 2).flatten(2);  // (batch, seq, inner)
  return o_(gated(y, gate).to(input.scalar_type()));
}

}  // namespace garage::nn
