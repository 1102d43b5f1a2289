// The module of an attention: projections and norms, positions, what was seen before, and attend.
#include <ATen/ops/floor_divide.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/softplus.h>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "attend.hpp"
#include "kept_keys.hpp"
#include "latent.hpp"
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
  const auto positions = scale.by_order ? pass.counted_positions(q.device()) : pass.position_ids(q.device());
  const auto steps = at::floor_divide(positions + scale.first.value_or(0), scale.step).to(torch::kFloat32);
  const auto factor = (1 + scale.beta * steps.log1p()).unsqueeze(1).unsqueeze(-1);  // (batch or 1, 1, seq, 1)
  return scale.multiply_before_cast ? (q * factor).to(q.scalar_type()) : q * factor.to(q.scalar_type());
}

// At most so far from 0 (OlmoAttention).
torch::Tensor clipped(const torch::Tensor& x, const Apart<double>& clip) {
  return clip ? x.clamp(-*clip, *clip) : x;
}

// Heads (batch, seq, heads * v_dim) times what the gate lets through, of each number or of each head.
torch::Tensor let_through(const torch::Tensor& heads, const torch::Tensor& gate, const Attention& attention) {
  const bool is_sigmoid = !attention.gate_kind || *attention.gate_kind == GateKind::sigmoid;
  const auto open = is_sigmoid ? at::sigmoid(gate) : at::softplus(gate.to(torch::kFloat32)).to(gate.scalar_type());
  if (open.size(-1) == heads.size(-1)) return heads * open;
  return (heads.unflatten(-1, {attention.heads, -1}) * open.unsqueeze(-1)).flatten(2);
}

}  // namespace

AttentionModule::AttentionModule(const std::string& name, const PartSpec& part, const Attention& attention,
                                 const TensorStore& store)
    : PartModule(name),
      hidden_(part.input_dim),
      attention_(attention),
      q_(*this, "q", attention.q, store),
      position_(make_position(*this, attention, store)) {
  if (attention.k) k_.emplace(*this, "k", *attention.k, store);
  if (attention.v) v_.emplace(*this, "v", *attention.v, store);
  if (attention.latent) latent_.emplace(*this, attention, store);
  o_ = add_linear(*this, "o", attention.o, store);
  if (attention.gate) gate_ = add_linear(*this, "gate", *attention.gate, store);
  const auto add_norm = [&](const std::string& role, const Apart<Norm>& norm) {
    return norm ? register_module(role, std::make_shared<NormModule>(name + "." + role, *norm, store)) : nullptr;
  };
  q_norm_ = add_norm("q_norm", attention.q_norm);
  k_norm_ = add_norm("k_norm", attention.k_norm);
  v_norm_ = add_norm("v_norm", attention.v_norm);
  o_norm_ = add_norm("o_norm", attention.o_norm);
  if (attention.head_norms) head_norms_.emplace(*this, *attention.head_norms, store);
}

torch::Tensor AttentionModule::compute(const torch::Tensor& input, Pass& pass) {
  require_hidden_states(input, hidden_, q_.options());
  if (const auto longest = attention_.mask.longest; longest && pass.seen() + input.size(1) > *longest)
    throw Error(
        Errc::kUnsupported,
        fmt::format("{}: of {} positions each would see blocks of the others, some of them by chance; up to {} are "
                    "computed, of which each sees all",
                    name(), pass.seen() + input.size(1), *longest));
  auto q =
      normed_heads(q_(input, pass), attention_.heads, norm_before_position(attention_.q_norm), q_norm_.get(), pass);
  q = clipped(head_norms_ ? head_norms_->of_queries(q) : q, attention_.clip);
  if (attention_.from_memory) return given(attend(attention_, q, memorised(input, pass)), input, pass);
  const auto seen = attention_.keys_of ? keys_of_source(q, pass) : own_keys(input, q, pass);
  if (attention_.query_scale) q = scaled_queries(q, *attention_.query_scale, pass);
  return given(attend(attention_, *position_, q, seen, pass), input, pass);
}

// Its own and those that it remembers; q turns with them.
Keys AttentionModule::own_keys(const torch::Tensor& input, torch::Tensor& q, Pass& pass) {
  if (pass.seen() > 0 && !attention_.mask.causal)
    throw Error(Errc::kUnsupported,
                fmt::format("{}: looks both ways, and what came before has not seen this: it is not run piece by piece",
                            name()));
  auto* memory = pass.kept(name());
  auto [k, v] = keys_and_values(input, pass);
  position_->turn(q, k, pass);
  if (attention_.norms_after_position.value_or(false)) {
    q = q_norm_->forward(q, pass);
    k = k_norm_->forward(k, pass);
  }
  Keys seen{k, v, pass.position_ids(input.device()), {}};
  if (memory) seen = remember(name(), *memory, seen, pass);
  else if (attention_.is_source.value_or(false)) show(pass.shown(name()), seen);
  seen.hidden = padding_of(seen, pass);
  return seen;
}

// Those of another attention, which has run in this pass, or with this state.
Keys AttentionModule::keys_of_source(torch::Tensor& q, Pass& pass) {
  torch::Tensor none;
  position_->turn(q, none, pass);
  const auto& source = attention_.keys_of->part;
  const auto keys = kept_in(pass.shown(source), pass);
  const auto wanted = pass.fixed_step() ? pass.fixed_step()->keys : pass.seen() + q.size(2);
  if (!keys.keys.defined() || keys.keys.size(2) != wanted)
    throw Error(Errc::kInvalidArgument,
                fmt::format("{}: looks at the keys and values of '{}', which has not run over these {} positions: run "
                            "what has both, or '{}' before it with the same state",
                            name(), source, wanted, source));
  Keys seen{keys.keys.to(q.options()), keys.values.to(q.options()), keys.positions.to(q.device()), {}};
  seen.hidden = padding_of(seen, pass);
  return seen;
}

torch::Tensor AttentionModule::padding_of(const Keys& seen, Pass& pass) const {
  return hidden_padding(name(), pass.attention_mask(), seen.keys.size(0), seen.keys.size(2), seen.keys.device());
}

// What heads (batch, heads, seq, v_dim) give the stream.
torch::Tensor AttentionModule::given(const torch::Tensor& heads, const torch::Tensor& input, Pass& pass) const {
  auto joined = heads.transpose(1, 2).flatten(2);
  if (o_norm_) joined = o_norm_->forward(joined, pass);
  return o_(gate_ ? let_through(joined, (*gate_)(input), attention_) : joined);
}

const Norm* AttentionModule::norm_before_position(const Apart<Norm>& norm) const {
  return norm && !attention_.norms_after_position.value_or(false) ? &*norm : nullptr;
}

// (batch, kv_heads, seq, qk_dim) and (batch, kv_heads, seq, v_dim)
std::pair<torch::Tensor, torch::Tensor> AttentionModule::keys_and_values(const torch::Tensor& input, Pass& pass) {
  torch::Tensor keys, values;
  if (latent_) {
    std::tie(keys, values) = (*latent_)(input, pass);
  } else {
    const auto given = (*k_)(input, pass);
    keys = normed_heads(given, attention_.kv_heads, norm_before_position(attention_.k_norm), k_norm_.get(), pass);
    keys = clipped(head_norms_ ? head_norms_->of_keys(keys) : keys, attention_.clip);
    values = clipped(split_heads(v_ ? (*v_)(input, pass) : given, attention_.kv_heads), attention_.clip);
  }
  return {keys, v_norm_ ? v_norm_->forward(values, pass) : values};
}

// Of an encoder's output: the same in every step.
Keys AttentionModule::memorised(const torch::Tensor& input, Pass& pass) {
  auto* memory = pass.memory(name());
  if (memory && (*memory)["keys"].defined()) return {(*memory)["keys"], (*memory)["values"], {}, (*memory)["hidden"]};
  const auto& output = pass.encoder_output();
  if (!output.defined() || output.dim() != 3 || output.size(0) != input.size(0) ||
      output.size(2) != input_of(*attention_.k))
    throw Error(
        Errc::kInvalidArgument,
        fmt::format("{}: needs the sequence's encoder_output, ({}, seq, {}), 'encoder_hidden_states' in an input "
                    "file{}",
                    name(), input.size(0), input_of(*attention_.k),
                    output.defined() ? "; was given " + described(output) : ""));
  auto [k, v] = keys_and_values(output.to(k_->options()), pass);
  const auto hidden = hidden_padding(name(), pass.encoder_attention_mask(), k.size(0), k.size(2), k.device());
  if (memory) (*memory)["keys"] = k, (*memory)["values"] = v, (*memory)["hidden"] = hidden;
  return {std::move(k), std::move(v), {}, hidden};
}

}  // namespace garage::nn
