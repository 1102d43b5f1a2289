// The module of an attention: projections and norms, positions, what was seen before, and attend.
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/floor_divide.h>
#include <ATen/ops/sigmoid.h>

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
torch::Tensor normed_heads(const torch::Tensor& x, std::int64_t heads, const Norm* norm, NormModule* module,
                           Pass& pass) {
  if (!norm) return split_heads(x, heads);
  if (norm->size == x.size(-1)) return split_heads(module->forward(x, pass), heads);
  return module->forward(split_heads(x, heads), pass);
}

// get_llama_4_attn_scale of modeling_ministral3.py; Llama4TextAttention.forward.
torch::Tensor scaled_queries(const torch::Tensor& q, const QueryScale& scale, Pass& pass) {
  const auto seq = q.size(2);
  const auto positions =
      scale.by_order ? torch::arange(pass.seen(), pass.seen() + seq, q.options().dtype(torch::kInt64)).unsqueeze(0)
                     : pass.position_ids(q.device());
  const auto steps = at::floor_divide(positions + scale.first.value_or(0), scale.step).to(torch::kFloat32);
  const auto factor = (1 + scale.beta * steps.log1p()).unsqueeze(1).unsqueeze(-1);  // (batch or 1, 1, seq, 1)
  return scale.multiply_before_cast ? (q * factor).to(q.scalar_type()) : q * factor.to(q.scalar_type());
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
  if (attention.gate) gate_ = add_linear(*this, "gate", *attention.gate, store);
  if (attention.q_norm)
    q_norm_ = register_module("q_norm", std::make_shared<NormModule>(name + ".q_norm", *attention.q_norm, store));
  if (attention.k_norm)
    k_norm_ = register_module("k_norm", std::make_shared<NormModule>(name + ".k_norm", *attention.k_norm, store));
}

torch::Tensor AttentionModule::compute(const torch::Tensor& input, Pass& pass) {
  require_hidden_states(input, hidden_, q_.options());
  auto q =
      normed_heads(q_(input, pass), attention_.heads, norm_before_position(attention_.q_norm), q_norm_.get(), pass);
  if (attention_.from_memory) return given(attend(attention_, q, memorised(pass)), input);
  auto* memory = pass.memory(name());
  const auto [keys, v] = keys_and_values(input, pass);
  auto k = keys;
  position_->turn(q, k, pass);
  if (attention_.norms_after_position.value_or(false)) {
    q = q_norm_->forward(q, pass);
    k = k_norm_->forward(k, pass);
  }
  if (attention_.query_scale) q = scaled_queries(q, *attention_.query_scale, pass);
  Keys seen{k, v, pass.position_ids(input.device())};
  if (memory) seen = remember(*memory, seen);
  return given(attend(attention_, *position_, q, seen, pass), input);
}

// What heads (batch, heads, seq, v_dim) give the stream.
torch::Tensor AttentionModule::given(const torch::Tensor& heads, const torch::Tensor& input) const {
  const auto joined = heads.transpose(1, 2).flatten(2);
  return o_(gate_ ? joined * at::sigmoid((*gate_)(input)) : joined);
}

const Norm* AttentionModule::norm_before_position(const std::optional<Norm>& norm) const {
  return norm && !attention_.norms_after_position.value_or(false) ? &*norm : nullptr;
}

// (batch, kv_heads, seq, qk_dim) and (batch, kv_heads, seq, v_dim)
std::pair<torch::Tensor, torch::Tensor> AttentionModule::keys_and_values(const torch::Tensor& input, Pass& pass) {
  return {
      normed_heads(k_(input, pass), attention_.kv_heads, norm_before_position(attention_.k_norm), k_norm_.get(), pass),
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
