#include <garage/blueprint/attention.hpp>

#include <string>
#include <tuple>

namespace garage {
namespace {

void check_own(const Attention& attention, Faults& faults) {
  const auto& [k, v] = std::tie(attention.k, attention.v);
  faults.require(k.has_value(), "has no 'k'");
  if (attention.values_are_keys.value_or(false)) {
    faults.require(!v, "takes its values from k, and has a 'v'");
    faults.equal("v_dim", attention.v_dim, attention.qk_dim, "qk_dim");
    faults.require(!attention.from_memory, "takes its values from k, and both from an encoder's output");
  } else {
    faults.require(v.has_value(), "has no 'v'");
  }
  const auto heads = attention.kv_heads;
  if (k) faults.equal("k.out", output_of(*k), faults.product("k", {heads, attention.qk_dim}), "kv_heads x qk_dim");
  if (v) faults.equal("v.out", output_of(*v), faults.product("v", {heads, attention.v_dim}), "kv_heads x v_dim");
  if (k && v) faults.equal("v.in", input_of(*v), input_of(*k), "k.in");
  if (k && !attention.from_memory) faults.equal("k.in", input_of(*k), input_of(attention.q), "q.in");
}

void check_latent(const Attention& attention, const Latent& latent, Faults& faults) {
  faults.require(latent.shared_dim < attention.qk_dim, "has keys of nothing but what all heads share");
  const auto width = attention.qk_dim - latent.shared_dim + attention.v_dim;
  faults.equal("latent.up.out", latent.up.out, faults.product("latent.up", {attention.heads, width}),
               "heads x (qk_dim - shared_dim + v_dim)");
  faults.equal("latent.down.in", latent.down.in, input_of(attention.q), "q.in");
  faults.equal("kv_heads", attention.kv_heads, attention.heads, "heads: each has keys of its own");
}

// Exactly one of the places that they may come from.
void check_keys_and_values(const Attention& attention, Faults& faults) {
  const auto& [latent, keys_of] = std::tie(attention.latent, attention.keys_of);
  if (!latent && !keys_of) return check_own(attention, faults);
  faults.require(!attention.head_norms && !attention.clip, "has 'head_norms' or a 'clip', and no 'k'");
  const auto* place = latent ? "latent" : "keys_of";
  faults.require(!(latent && keys_of), "has keys and values by 'latent' and by 'keys_of'");
  faults.require(!attention.k && !attention.v && !attention.k_norm && !attention.values_are_keys, [&] {
    return std::string("has '") + place + "' and its own 'k', 'v', 'k_norm' or 'values_are_keys'";
  });
  faults.require(!attention.from_memory,
                 [&] { return std::string("has '") + place + "' and looks at an encoder's output"; });
  if (latent) check_latent(attention, *latent, faults);
  else
    faults.require(!attention.v_norm && !attention.is_source,
                   "looks at another's keys and values, and has a 'v_norm' or is_source");
}

// Of each head one, of one kind: nn reads their weights together.
void check_head_norms(const Attention& attention, Faults& faults) {
  const auto& [q, k] = *attention.head_norms;
  faults.require(!attention.q_norm && !attention.k_norm, "has 'head_norms', and a 'q_norm' or a 'k_norm'");
  faults.equal("head_norms.q", static_cast<std::int64_t>(q.size()), attention.heads, "heads");
  faults.equal("head_norms.k", static_cast<std::int64_t>(k.size()), attention.kv_heads, "kv_heads");
  for (const auto* list : {&q, &k})
    for (const auto& norm : *list) {
      faults.equal("head_norms.size", norm.size, attention.qk_dim, "qk_dim");
      faults.require(norm.weight && !norm.bias && norm.kind == list->front().kind && norm.eps == list->front().eps &&
                         norm.weight_offset == 0,
                     "has 'head_norms' that are not of one kind and eps, with a weight alone");
    }
}

}  // namespace

void Attention::check(Faults& faults) const {
  faults.present("heads", heads);
  faults.present("kv_heads", kv_heads);
  faults.present("qk_dim", qk_dim);
  faults.present("v_dim", v_dim);
  faults.present("scale", scale);
  if (heads <= 0 || kv_heads <= 0) return;
  faults.require(heads % kv_heads == 0, [&] {
    return std::to_string(heads) + " heads cannot share " + std::to_string(kv_heads) + " kv_heads evenly";
  });
  faults.equal("q.out", output_of(q), faults.product("q", {heads, qk_dim}), "heads x qk_dim");
  check_keys_and_values(*this, faults);
  if (gate) {
    if (gate->out != heads)
      faults.equal("gate.out", gate->out, faults.product("gate", {heads, v_dim}), "heads x v_dim");
    faults.equal("gate.in", gate->in, input_of(q), "q.in");
  }
  faults.require(gate || !gate_kind, "has a 'gate_kind' and no 'gate'");
  faults.equal("o.in", o.in, faults.product("o", {heads, v_dim}), "heads x v_dim");
  if (from_memory)
    faults.require(position.index() == 0 && !mask.window && !mask.chunk && !query_scale,
                   "sees all of an encoder's output, and has a position, a window, a chunk or a query_scale");
  if (q_norm && q_norm->size != output_of(q)) faults.equal("q_norm.size", q_norm->size, qk_dim, "qk_dim");
  if (k_norm && (!k || k_norm->size != output_of(*k))) faults.equal("k_norm.size", k_norm->size, qk_dim, "qk_dim");
  if (v_norm) faults.equal("v_norm.size", v_norm->size, v_dim, "v_dim");
  if (o_norm) faults.equal("o_norm.size", o_norm->size, faults.product("o", {heads, v_dim}), "heads x v_dim");
  if (head_norms) check_head_norms(*this, faults);
  if (clip) faults.above_0("clip", *clip);
  if (norms_after_position.value_or(false)) {  // positions count in each head
    faults.require(q_norm && k_norm, "has norms_after_position and no 'q_norm' or no 'k_norm'");
    if (q_norm) faults.equal("q_norm.size", q_norm->size, qk_dim, "qk_dim");
    if (k_norm) faults.equal("k_norm.size", k_norm->size, qk_dim, "qk_dim");
  }
  if (const auto* rope = std::get_if<Rope>(&position))
    faults.require(rope->first.value_or(0) + rope->dims <= qk_dim, [&] {
      return "turns " + std::to_string(rope->dims) + " of " + std::to_string(qk_dim) + " dimensions by its rope" +
             (rope->first ? ", from " + std::to_string(*rope->first) + " on" : std::string());
    });
  if (const auto* bias = std::get_if<RelativeBias>(&position))
    faults.equal("relative_bias.heads", bias->heads, heads, "heads");
  faults.above_0("softcap", softcap);
}

}  // namespace garage
