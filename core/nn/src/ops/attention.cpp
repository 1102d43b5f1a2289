// transformers' eager_attention_forward: softmax in float32, a soft cap before the mask (Gemma 2). Where LibTorch has
// scaled_dot_product_attention, that: it is the same but for the order of sums.
#include <cmath>
#include <limits>

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/matmul.h>
#if __has_include(<ATen/ops/scaled_dot_product_attention.h>)
#include <ATen/ops/scaled_dot_product_attention.h>
#endif
#include <ATen/ops/softmax.h>
#include <ATen/ops/tanh.h>
#include <torch/version.h>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "modules.hpp"
#include "rope.hpp"

namespace garage::nn {
namespace {

// (batch, seq, heads * head_dim) to (batch, heads, seq, head_dim)
torch::Tensor split_heads(const torch::Tensor& x, std::int64_t heads) {
  return x.unflatten(-1, {heads, -1}).transpose(1, 2);
}

// Which scores are hidden: of positions that come later, or lie outside the window, which is on both sides where
// attention looks both ways. (batch, 1, seq, keys)
torch::Tensor hidden_scores(const Attention& attention, const torch::Tensor& positions,
                            const torch::Tensor& key_positions) {
  const auto distance = positions.unsqueeze(-1) - key_positions.unsqueeze(-2);
  auto hidden = attention.causal ? distance < 0 : torch::zeros_like(distance, torch::kBool);
  if (attention.window) hidden = hidden.logical_or(distance.abs() >= *attention.window);
  return hidden.unsqueeze(1);
}

// Adds to what was seen before, and answers all of it.
const KeyValueCache::Entry& remember(KeyValueCache::Entry& seen, const KeyValueCache::Entry& fresh,
                                     const std::string& name) {
  if (!seen.keys.defined()) return seen = fresh;
  if (seen.keys.size(0) != fresh.keys.size(0))
    throw Error(Errc::kInvalidArgument, fmt::format("{}: the cache holds a batch of {}, the input is one of {}", name,
                                                    seen.keys.size(0), fresh.keys.size(0)));
  const auto rows = std::max(seen.position_ids.size(0), fresh.position_ids.size(0));
  const auto positions = [&](const torch::Tensor& ids) { return ids.expand({rows, ids.size(1)}); };
  return seen = {at::cat({seen.keys, fresh.keys}, 2), at::cat({seen.values, fresh.values}, 2),
                 at::cat({positions(seen.position_ids), positions(fresh.position_ids)}, 1)};
}

// What each query may look at.
struct Visible {
  bool causal = false;          // keys up to the query's own row
  torch::Tensor hidden, added;  // else: which scores do not count, or what is added to them
};

torch::Tensor eager_attention(const Attention& attention, const torch::Tensor& q, const torch::Tensor& k,
                              const torch::Tensor& v, const Visible& visible) {
  auto scores = at::matmul(q, k.transpose(2, 3)).mul_(attention.scale);  // (batch, heads, seq, keys)
  if (attention.softcap) scores = at::tanh(scores / *attention.softcap) * *attention.softcap;
  if (visible.added.defined()) scores = scores.add_(visible.added);
  else scores.masked_fill_(visible.hidden, -std::numeric_limits<double>::infinity());
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

}  // namespace

AttentionModule::AttentionModule(const std::string& name, const PartSpec& part, const Attention& attention,
                                 const TensorStore& store)
    : PartModule(name),
      hidden_(part.input_dim),
      attention_(attention),
      q_(add_projection(*this, "q", attention.q, store)),
      k_(add_projection(*this, "k", attention.k, store)),
      v_(add_projection(*this, "v", attention.v, store)),
      o_(add_projection(*this, "o", attention.o, store)) {
  if (attention.q_norm)
    q_norm_ = register_module("q_norm", std::make_shared<NormModule>(name + ".q_norm", *attention.q_norm, store));
  if (attention.k_norm)
    k_norm_ = register_module("k_norm", std::make_shared<NormModule>(name + ".k_norm", *attention.k_norm, store));
}

torch::Tensor AttentionModule::compute(const torch::Tensor& input, const ForwardContext& context) {
  require_hidden_states(input, hidden_, q_.weight);
  auto* seen = context.cache ? &context.cache->of(name()) : nullptr;
  const auto start = seen && seen->keys.defined() ? seen->keys.size(2) : 0;
  const auto positions =
      context.position_ids.defined()
          ? context.position_ids.to(input.device())
          : torch::arange(start, start + input.size(1), input.options().dtype(torch::kInt64)).unsqueeze(0);
  auto q = split_heads(q_(input), attention_.heads);     // (batch, heads, seq, head_dim)
  auto k = split_heads(k_(input), attention_.kv_heads);  // (batch, kv_heads, seq, head_dim)
  auto v = split_heads(v_(input), attention_.kv_heads);
  if (q_norm_) q = q_norm_->forward(q, {});
  if (k_norm_) k = k_norm_->forward(k, {});
  if (attention_.rope) {
    const auto table = rope_table(*attention_.rope, positions);
    q = turn(*attention_.rope, table, q);
    k = turn(*attention_.rope, table, k);
  }
  auto key_positions = positions;
  if (seen) {
    const auto all = remember(*seen, {k, v, positions}, name());
    k = all.keys;
    v = all.values;
    key_positions = all.position_ids;
  }
  if (const auto groups = attention_.heads / attention_.kv_heads; groups > 1) {
    k = k.repeat_interleave(groups, 1);
    v = v.repeat_interleave(groups, 1);
  }
  Visible visible;
  // The plain causal pass needs no mask of its own: the positions are those of the rows.
  visible.causal = !context.mask.defined() && !context.position_ids.defined() && start == 0 && attention_.causal &&
                   (!attention_.window || input.size(1) <= *attention_.window);
  if (context.mask.defined()) visible.added = context.mask.to(q.options());
  else if (!visible.causal || !has_fused_attention(attention_))
    visible.hidden = hidden_scores(attention_, positions, key_positions);
  const auto mixed = has_fused_attention(attention_) ? fused_attention(attention_, q, k, v, visible)
                                                     : eager_attention(attention_, q, k, v, visible);
  return o_(mixed.transpose(1, 2).flatten(2));
}

}  // namespace garage::nn
