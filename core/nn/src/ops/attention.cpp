// The module of an attention: projections and norms, positions, what was seen before, and attend.
#include <ATen/ops/cat.h>

#include "attend.hpp"
#include "modules.hpp"

namespace garage::nn {
namespace {

// (batch, seq, heads * head_dim) to (batch, heads, seq, head_dim)
torch::Tensor split_heads(const torch::Tensor& x, std::int64_t heads) {
  return x.unflatten(-1, {heads, -1}).transpose(1, 2);
}

// Adds to what was seen before, and answers all of it.
Keys remember(Memory& memory, const Keys& fresh) {
  auto &keys = memory["keys"], &values = memory["values"], &positions = memory["position_ids"];
  if (!keys.defined()) {
    keys = fresh.keys;
    values = fresh.values;
    positions = fresh.positions;
  } else {
    const auto rows = std::max(positions.size(0), fresh.positions.size(0));
    const auto rowed = [&](const torch::Tensor& ids) { return ids.expand({rows, ids.size(1)}); };
    keys = at::cat({keys, fresh.keys}, 2);
    values = at::cat({values, fresh.values}, 2);
    positions = at::cat({rowed(positions), rowed(fresh.positions)}, 1);
  }
  return {keys, values, positions};
}

}  // namespace

AttentionModule::AttentionModule(const std::string& name, const PartSpec& part, const Attention& attention,
                                 const TensorStore& store)
    : PartModule(name),
      hidden_(part.input_dim),
      attention_(attention),
      q_(add_projection(*this, "q", attention.q, store)),
      k_(add_projection(*this, "k", attention.k, store)),
      v_(add_projection(*this, "v", attention.v, store)),
      o_(add_projection(*this, "o", attention.o, store)),
      position_(make_position(attention)) {
  if (attention.q_norm)
    q_norm_ = register_module("q_norm", std::make_shared<NormModule>(name + ".q_norm", *attention.q_norm, store));
  if (attention.k_norm)
    k_norm_ = register_module("k_norm", std::make_shared<NormModule>(name + ".k_norm", *attention.k_norm, store));
}

torch::Tensor AttentionModule::compute(const torch::Tensor& input, Pass& pass) {
  require_hidden_states(input, hidden_, q_.options());
  auto* memory = pass.memory(name());
  auto q = split_heads(q_(input), attention_.heads);     // (batch, heads, seq, head_dim)
  auto k = split_heads(k_(input), attention_.kv_heads);  // (batch, kv_heads, seq, head_dim)
  const auto v = split_heads(v_(input), attention_.kv_heads);
  if (q_norm_) q = q_norm_->forward(q, pass);
  if (k_norm_) k = k_norm_->forward(k, pass);
  position_->turn(q, k, pass);
  Keys seen{k, v, pass.position_ids(input.device())};
  if (memory) seen = remember(*memory, seen);
  return o_(attend(attention_, *position_, q, seen, pass).transpose(1, 2).flatten(2));
}

}  // namespace garage::nn
