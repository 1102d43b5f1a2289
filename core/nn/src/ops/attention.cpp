// The module of an attention: projections and norms, positions, what was seen before, and attend.
#include <ATen/ops/cat.h>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "attend.hpp"
#include "modules.hpp"

namespace garage::nn {
namespace {

// (batch, seq, heads * head_dim) to (batch, heads, seq, head_dim)
torch::Tensor split_heads(const torch::Tensor& x, std::int64_t heads) {
  return x.unflatten(-1, {heads, -1}).transpose(1, 2);
}

// The same, normed: all heads together where the norm is as wide, else each.
torch::Tensor normed_heads(const torch::Tensor& x, std::int64_t heads, const std::optional<Norm>& norm,
                           NormModule* module, Pass& pass) {
  if (!norm) return split_heads(x, heads);
  if (norm->size == x.size(-1)) return split_heads(module->forward(x, pass), heads);
  return module->forward(split_heads(x, heads), pass);
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
      q_(*this, "q", attention.q, store),
      k_(*this, "k", attention.k, store),
      v_(*this, "v", attention.v, store),
      o_(add_linear(*this, "o", attention.o, store)),
      position_(make_position(attention)) {
  if (attention.q_norm)
    q_norm_ = register_module("q_norm", std::make_shared<NormModule>(name + ".q_norm", *attention.q_norm, store));
  if (attention.k_norm)
    k_norm_ = register_module("k_norm", std::make_shared<NormModule>(name + ".k_norm", *attention.k_norm, store));
}

torch::Tensor AttentionModule::compute(const torch::Tensor& input, Pass& pass) {
  require_hidden_states(input, hidden_, q_.options());
  auto q = normed_heads(q_(input, pass), attention_.heads, attention_.q_norm, q_norm_.get(), pass);
  if (attention_.from_memory) return o_(attend(attention_, q, memorised(pass)).transpose(1, 2).flatten(2));
  auto* memory = pass.memory(name());
  const auto [keys, v] = keys_and_values(input, pass);
  auto k = keys;
  position_->turn(q, k, pass);
  Keys seen{k, v, pass.position_ids(input.device())};
  if (memory) seen = remember(*memory, seen);
  return o_(attend(attention_, *position_, q, seen, pass).transpose(1, 2).flatten(2));
}

// (batch, kv_heads, seq, qk_dim) and (batch, kv_heads, seq, v_dim)
std::pair<torch::Tensor, torch::Tensor> AttentionModule::keys_and_values(const torch::Tensor& input, Pass& pass) {
  return {normed_heads(k_(input, pass), attention_.kv_heads, attention_.k_norm, k_norm_.get(), pass),
          split_heads(v_(input, pass), attention_.kv_heads)};
}

// Of an encoder's output: the same in every step.
Keys AttentionModule::memorised(Pass& pass) {
  auto* memory = pass.memory(name());
  if (memory && (*memory)["keys"].defined()) return {(*memory)["keys"], (*memory)["values"], {}};
  const auto& output = pass.encoder_output();
  if (!output.defined())
    throw Error(Errc::kInvalidArgument,
                fmt::format("{}: needs the sequence's encoder_output, (batch, seq, hidden)", name()));
  auto [k, v] = keys_and_values(output.to(k_.options()), pass);
  if (memory) (*memory)["keys"] = k, (*memory)["values"] = v;
  return {std::move(k), std::move(v), {}};
}

}  // namespace garage::nn
