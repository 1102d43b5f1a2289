// What attentions of a plugin's own have in common: keys and values of this pass and of those before it, which of them
// a query does not see, and heads that a rope turns.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>

#include <ATen/ops/cat.h>
#include <torch/types.h>

#include <garage/error.hpp>
#include <garage/nn/part_module.hpp>
#include <garage/nn/pass.hpp>

namespace garage::nn {

struct SeenKeys {
  torch::Tensor keys, values;  // (batch, kv_heads, keys, dims)
  torch::Tensor positions;     // (batch or 1, keys)
};

// (batch, seq, heads * dims) to (batch, heads, seq, dims)
inline torch::Tensor split_heads(const torch::Tensor& x, std::int64_t heads) {
  return x.unflatten(-1, {heads, -1}).transpose(1, 2);
}

// What the part remembers and what is new; new ones alone where the caller keeps no state.
// Throws kInvalidArgument when the part's state is not of the positions before this pass.
inline SeenKeys remember(const std::string& part, Pass& pass, SeenKeys fresh) {
  auto* memory = pass.memory(part);
  if (!memory) return fresh;
  auto &keys = (*memory)["keys"], &values = (*memory)["values"], &positions = (*memory)["position_ids"];
  const auto held = keys.defined() ? keys.size(2) : 0;
  if (held != pass.seen())
    throw Error(Errc::kInvalidArgument, part + ": the state holds keys of " + std::to_string(held) +
                                            " positions, and this pass comes after " + std::to_string(pass.seen()) +
                                            ": one state goes with the whole model, or with each part by itself");
  if (held > 0) {
    const auto rows = std::max(positions.size(0), fresh.positions.size(0));
    const auto rowed = [&](const torch::Tensor& ids) { return ids.expand({rows, ids.size(1)}); };
    fresh = {at::cat({keys, fresh.keys}, 2), at::cat({values, fresh.values}, 2),
             at::cat({rowed(positions), rowed(fresh.positions)}, 1)};
  }
  keys = fresh.keys;
  values = fresh.values;
  positions = fresh.positions;
  return fresh;
}

// scores (batch, heads, seq, keys) of queries that stand at positions (batch or 1, seq): -infinity where a key is
// padding, and where it comes later, or as the caller's mask of scores says in that place. A query that is padding
// itself may see nothing; then it sees all, since what it gives nobody reads, and it is a number.
inline torch::Tensor causal_scores(torch::Tensor scores, const torch::Tensor& positions, const SeenKeys& seen,
                                   Pass& pass) {
  constexpr auto kNever = -std::numeric_limits<double>::infinity();
  torch::Tensor hidden;
  if (const auto& mask = pass.attention_mask(); mask.defined())
    hidden = (mask == 0).to(scores.device()).unsqueeze(1).unsqueeze(1);
  if (pass.mask().defined()) scores = scores + pass.mask().to(scores.options());
  else {
    const auto later = (positions.unsqueeze(-1) < seen.positions.unsqueeze(-2)).unsqueeze(1);
    hidden = hidden.defined() ? hidden.logical_or(later) : later;
  }
  if (!hidden.defined()) return scores;
  return scores.masked_fill(hidden.logical_and(hidden.all(-1, /*keepdim=*/true).logical_not()), kNever);
}

// Of a rope over whole heads, whose first halves turn with their second ones (transformers: apply_rotary_pos_emb).
class HeadTurns {
 public:
  // rope is a part in the attention, made; positions (batch or 1, seq).
  HeadTurns(PartModule& rope, const torch::Tensor& positions, Pass& pass, const torch::TensorOptions& options)
      : table_(rope.forward(positions, pass).unsqueeze(2).to(options)) {}

  // x is (batch, heads, seq, dims).
  torch::Tensor operator()(const torch::Tensor& x) const {
    const auto halves = x.chunk(2, -1);
    return x * table_[0] + at::cat({-halves[1], halves[0]}, -1) * table_[1];
  }

 private:
  torch::Tensor table_;  // (2, batch or 1, 1, seq, dims): cosines, sines
};

}  // namespace garage::nn
