// transformers' eager_attention_forward: softmax in float32, a soft cap before the mask (Gemma 2). Where LibTorch has
// scaled_dot_product_attention, that: it is the same but for the order of sums.
#include "attend.hpp"

#include <limits>
#include <optional>

#include <ATen/ops/floor_divide.h>
#include <ATen/ops/matmul.h>
#if __has_include(<ATen/ops/scaled_dot_product_attention.h>)
#include <ATen/ops/scaled_dot_product_attention.h>
#endif
#include <ATen/ops/softmax.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/zeros_like.h>
#include <torch/version.h>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "modules.hpp"

namespace garage::nn {
namespace {

constexpr auto kNever = -std::numeric_limits<double>::infinity();

// What each query may look at. Everything, where nothing of it is set.
struct Visible {
  bool causal = false;          // keys up to the query's own row
  torch::Tensor hidden, added;  // else: which scores do not count, or what is added to them
};

// Which scores are hidden: of positions that come later, or lie outside the window, which is on both sides where
// attention looks both ways, or in another chunk. (batch, 1, seq, keys)
torch::Tensor hidden_scores(const Attention& attention, const torch::Tensor& positions,
                            const torch::Tensor& key_positions) {
  const auto distance = positions.unsqueeze(-1) - key_positions.unsqueeze(-2);
  auto hidden = attention.mask.causal ? distance < 0 : torch::zeros_like(distance, torch::kBool);
  if (attention.mask.window) hidden = hidden.logical_or(distance.abs() >= *attention.mask.window);
  if (const auto chunk = attention.mask.chunk) {
    const auto of_query = at::floor_divide(positions, *chunk), of_key = at::floor_divide(key_positions, *chunk);
    hidden = hidden.logical_or(of_query.unsqueeze(-1) != of_key.unsqueeze(-2));
  }
  return hidden.unsqueeze(1);
}

// A query that sees nothing, since it is padding itself, sees all: what it gives nobody reads, and it is a number.
torch::Tensor seeing_something(const torch::Tensor& hidden) {
  return hidden.logical_and(hidden.all(-1, /*keepdim=*/true).logical_not());
}

torch::Tensor eager_attention(const Attention& attention, const torch::Tensor& q, const torch::Tensor& k,
                              const torch::Tensor& v, const Visible& visible) {
  auto scores = at::matmul(q, k.transpose(2, 3)).mul_(attention.scale);  // (batch, heads, seq, keys)
  if (attention.softcap) scores = at::tanh(scores / *attention.softcap) * *attention.softcap;
  if (visible.added.defined()) scores = scores.add_(visible.added);
  else if (visible.hidden.defined()) scores.masked_fill_(visible.hidden, kNever);
  return at::matmul(at::softmax(scores, -1, torch::kFloat32).to(q.scalar_type()), v);
}

// LibTorch has its own from 2.1 on, with a scale; it knows no soft cap.
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 1)
bool has_fused_attention(const Attention& attention) { return !attention.softcap; }

torch::Tensor fused_attention(const Attention& attention, const torch::Tensor& q, const torch::Tensor& k,
                              const torch::Tensor& v, const Visible& visible) {
  std::optional<torch::Tensor> mask;
  if (visible.added.defined()) mask = visible.added;
  else if (visible.hidden.defined()) mask = visible.hidden.logical_not();
  return at::scaled_dot_product_attention(q, k, v, mask, 0.0, visible.causal, attention.scale);
}
#else
bool has_fused_attention(const Attention&) { return false; }

torch::Tensor fused_attention(const Attention& attention, const torch::Tensor& q, const torch::Tensor& k,
                              const torch::Tensor& v, const Visible& visible) {
  return eager_attention(attention, q, k, v, visible);
}
#endif

Visible visible_to(const Attention& attention, const PositionOp& position, const torch::Tensor& q, const Keys& seen,
                   Pass& pass) {
  const auto positions = pass.position_ids(q.device());
  const auto bias = position.bias(positions, seen.positions);
  Visible visible;
  if (pass.mask().defined()) {
    visible.added = pass.mask().to(q.options());
    if (bias.defined()) visible.added = visible.added + bias.to(q.options());
    if (seen.hidden.defined()) visible.added = visible.added.masked_fill(seeing_something(seen.hidden), kNever);
    return visible;
  }
  // The plain causal pass needs no mask of its own: the positions are those of the rows.
  visible.causal = has_fused_attention(attention) && !bias.defined() && pass.counts_from_zero() &&
                   attention.mask.causal && (!attention.mask.window || q.size(2) <= *attention.mask.window) &&
                   (!attention.mask.chunk || q.size(2) <= *attention.mask.chunk);
  const auto& mask = attention.mask;
  const bool sees_all = !mask.causal && !mask.window && !mask.chunk && !seen.hidden.defined();
  if (visible.causal || (sees_all && !bias.defined())) return visible;
  if (sees_all) {
    visible.added = bias.to(q.options());
    return visible;
  }
  visible.hidden = hidden_scores(attention, positions, seen.positions);
  if (seen.hidden.defined()) visible.hidden = seeing_something(visible.hidden.logical_or(seen.hidden));
  if (bias.defined()) visible.added = bias.to(q.options()).masked_fill(visible.hidden, kNever);
  return visible;
}

}  // namespace

namespace {

torch::Tensor attend(const Attention& attention, const torch::Tensor& q, const Keys& seen, const Visible& visible) {
  auto k = seen.keys, v = seen.values;
  if (const auto groups = attention.heads / attention.kv_heads; groups > 1) {
    k = k.repeat_interleave(groups, 1);
    v = v.repeat_interleave(groups, 1);
  }
  return has_fused_attention(attention) ? fused_attention(attention, q, k, v, visible)
                                        : eager_attention(attention, q, k, v, visible);
}

}  // namespace

torch::Tensor attend(const Attention& attention, const PositionOp& position, const torch::Tensor& q, const Keys& seen,
                     Pass& pass) {
  return attend(attention, q, seen, visible_to(attention, position, q, seen, pass));
}

torch::Tensor attend(const Attention& attention, const torch::Tensor& q, const Keys& all) {
  Visible visible;
  if (all.hidden.defined()) visible.hidden = seeing_something(all.hidden);
  return attend(attention, q, all, visible);
}

torch::Tensor hidden_padding(const std::string& part, const torch::Tensor& mask, std::int64_t batch, std::int64_t keys,
                             torch::Device device) {
  if (!mask.defined()) return {};
  require_mask(part, mask, batch, keys);
  return (mask == 0).to(device).unsqueeze(1).unsqueeze(1);
}

void require_mask(const std::string& part, const torch::Tensor& mask, std::int64_t batch, std::int64_t tokens) {
  const auto kind = mask.scalar_type();
  if (mask.dim() == 2 && mask.size(0) == batch && mask.size(1) == tokens &&
      (kind == torch::kInt64 || kind == torch::kBool))
    return;
  throw Error(Errc::kInvalidArgument, fmt::format("{}: a mask of padding should be ({}, {}) of int64 or bool, is {}",
                                                  part, batch, tokens, described(mask)));
}

}  // namespace garage::nn
