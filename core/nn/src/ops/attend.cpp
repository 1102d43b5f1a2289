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
#include <ATen/ops/zeros.h>
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
torch::Tensor hidden_scores(const Mask& mask, const torch::Tensor& positions, const torch::Tensor& key_positions) {
  const auto distance = positions.unsqueeze(-1) - key_positions.unsqueeze(-2);
  auto hidden = mask.causal ? distance < 0 : torch::zeros_like(distance, torch::kBool);
  if (mask.window) hidden = hidden.logical_or(distance.abs() >= *mask.window);
  if (const auto chunk = mask.chunk) {
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

// LibTorch has its own from 2.1 on, with a scale; it knows no soft cap. From 2.5 on it takes grouped heads as they are:
// its kernels do so of narrow dtypes on GPUs, where nothing is hidden but what comes later.
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 1)
bool has_fused_attention(const Attention& attention) { return !attention.softcap; }

torch::Tensor fused_attention(const Attention& attention, const torch::Tensor& q, const torch::Tensor& k,
                              const torch::Tensor& v, const Visible& visible) {
  std::optional<torch::Tensor> mask;
  if (visible.added.defined()) mask = visible.added;
  else if (visible.hidden.defined()) mask = visible.hidden.logical_not();
#if TORCH_VERSION_MAJOR > 2 || TORCH_VERSION_MINOR >= 5
  return at::scaled_dot_product_attention(q, k, v, mask, 0.0, visible.causal, attention.scale,
                                          /*enable_gqa=*/q.size(1) != k.size(1));
#else
  return at::scaled_dot_product_attention(q, k, v, mask, 0.0, visible.causal, attention.scale);
#endif
}
#else
bool has_fused_attention(const Attention&) { return false; }

torch::Tensor fused_attention(const Attention& attention, const torch::Tensor& q, const torch::Tensor& k,
                              const torch::Tensor& v, const Visible& visible) {
  return eager_attention(attention, q, k, v, visible);
}
#endif

bool takes_grouped_heads(const Attention& attention, const torch::Tensor& q, const Visible& visible) {
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 5)
  return has_fused_attention(attention) && q.is_cuda() && q.scalar_type() != torch::kFloat32 &&
         !visible.added.defined() && !visible.hidden.defined();
#else
  static_cast<void>(attention), static_cast<void>(q), static_cast<void>(visible);
  return false;
#endif
}

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
  // The last of all positions sees whatever is no further away than its window is wide.
  const auto keys = seen.keys.size(2);
  const auto is_within = [&](std::optional<std::int64_t> reach) { return !reach || keys <= *reach; };
  const bool counts = pass.counts_on() && !seen.hidden.defined() && !bias.defined();
  if (counts && !pass.fixed_step() && q.size(2) == 1 && is_within(attention.mask.window) && is_within(attention.mask.chunk))
    return visible;
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
  if (counts) {
    visible.added = pass.masks().of(mask, positions, seen.positions, q.options());
    return visible;
  }
  visible.hidden = hidden_scores(mask, positions, seen.positions);
  if (seen.hidden.defined()) visible.hidden = seeing_something(visible.hidden.logical_or(seen.hidden));
  if (bias.defined()) visible.added = bias.to(q.options()).masked_fill(visible.hidden, kNever);
  return visible;
}

}  // namespace

namespace {

torch::Tensor weighed(const Attention& attention, const torch::Tensor& q, const torch::Tensor& k,
                      const torch::Tensor& v, const Visible& visible) {
  return has_fused_attention(attention) ? fused_attention(attention, q, k, v, visible)
                                        : eager_attention(attention, q, k, v, visible);
}

torch::Tensor attend(const Attention& attention, const torch::Tensor& q, const Keys& seen, const Visible& visible) {
  const auto groups = attention.heads / attention.kv_heads;
  if (groups == 1 || takes_grouped_heads(attention, q, visible))
    return weighed(attention, q, seen.keys, seen.values, visible);
  const bool same_for_all_heads = !visible.added.defined() || visible.added.size(1) == 1;
  if (q.size(2) == 1 && same_for_all_heads) {
    // One query a head: those that share keys are rows of one attention.
    const auto rows = q.reshape({q.size(0), attention.kv_heads, groups, q.size(3)});
    return weighed(attention, rows, seen.keys, seen.values, {.hidden = visible.hidden, .added = visible.added})
        .reshape({q.size(0), attention.heads, 1, -1});
  }
  return weighed(attention, q, seen.keys.repeat_interleave(groups, 1), seen.values.repeat_interleave(groups, 1),
                 visible);
}

}  // namespace

const torch::Tensor& Masks::of(const Mask& mask, const torch::Tensor& positions, const torch::Tensor& key_positions,
                               const torch::TensorOptions& options) {
  const auto dtype = c10::typeMetaToScalarType(options.dtype());
  const auto queries = positions.size(-1), keys = key_positions.size(-1);
  for (const auto& made : made_)
    if (made.mask == mask && made.queries == queries && made.keys == keys && made.device == options.device() && made.dtype == dtype)
      return made.added;
  const auto hidden = hidden_scores(mask, positions, key_positions);
  made_.push_back({mask, queries, keys, options.device(), dtype, torch::zeros(hidden.sizes(), options).masked_fill_(hidden, kNever)});
  return made_.back().added;
}

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
