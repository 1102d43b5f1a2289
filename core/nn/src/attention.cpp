// transformers' eager_attention_forward: softmax in float32, a soft cap before the mask (Gemma 2).
#include <cmath>
#include <limits>

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tanh.h>

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

// Which scores are hidden: of positions that come later, or lie outside the window. (batch, 1, seq, keys)
torch::Tensor hidden_scores(const Attention& attention, const torch::Tensor& positions,
                            const torch::Tensor& key_positions) {
  const auto distance = positions.unsqueeze(-1) - key_positions.unsqueeze(-2);
  auto hidden = attention.causal ? distance < 0 : torch::zeros_like(distance, torch::kBool);
  if (attention.window) hidden = hidden.logical_or(distance >= *attention.window);
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

}  // namespace

AttentionModule::AttentionModule(const std::string& name, const PartSpec& part, const Attention& attention,
                                 TensorStore& store)
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

torch::Tensor AttentionModule::forward(const torch::Tensor& input, const ForwardContext& context) {
  require_hidden_states(input, hidden_);
  auto* seen = context.cache ? &context.cache->of(name()) : nullptr;
  const auto start = seen && seen->keys.defined() ? seen->keys.size(2) : 0;
  const auto positions =
      context.position_ids.defined()
          ? context.position_ids
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
    const auto& all = remember(*seen, {k, v, positions}, name());
    k = all.keys;
    v = all.values;
    key_positions = all.position_ids;
  }
  if (const auto groups = attention_.heads / attention_.kv_heads; groups > 1) {
    k = k.repeat_interleave(groups, 1);
    v = v.repeat_interleave(groups, 1);
  }
  auto scores = at::matmul(q, k.transpose(2, 3)) * attention_.scale;  // (batch, heads, seq, keys)
  if (attention_.softcap) scores = at::tanh(scores / *attention_.softcap) * *attention_.softcap;
  if (context.mask.defined()) scores = scores + context.mask;
  else
    scores = scores.masked_fill(hidden_scores(attention_, positions, key_positions),
                                -std::numeric_limits<double>::infinity());
  const auto weights = at::softmax(scores, -1, torch::kFloat32).to(q.scalar_type());
  return o_(at::matmul(weights, v).transpose(1, 2).flatten(2));
}

}  // namespace garage::nn
