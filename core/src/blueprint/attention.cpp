#include <garage/blueprint/attention.hpp>

namespace garage {

void Attention::check(Faults& faults) const {
  faults.present("heads", heads);
  faults.present("kv_heads", kv_heads);
  faults.present("qk_dim", qk_dim);
  faults.present("v_dim", v_dim);
  faults.present("scale", scale);
  if (heads <= 0 || kv_heads <= 0) return;
  faults.require(heads % kv_heads == 0, std::to_string(heads) + " heads cannot share " + std::to_string(kv_heads) +
                                            " kv_heads evenly");
  faults.equal("q.out", output_of(q), faults.product("q", {heads, qk_dim}), "heads x qk_dim");
  faults.equal("k.out", output_of(k), faults.product("k", {kv_heads, qk_dim}), "kv_heads x qk_dim");
  faults.equal("v.out", output_of(v), faults.product("v", {kv_heads, v_dim}), "kv_heads x v_dim");
  if (gate) {
    faults.equal("gate.out", gate->out, faults.product("gate", {heads, v_dim}), "heads x v_dim");
    faults.equal("gate.in", gate->in, input_of(q), "q.in");
  }
  faults.equal("o.in", o.in, faults.product("o", {heads, v_dim}), "heads x v_dim");
  faults.equal("v.in", input_of(v), input_of(k), "k.in");
  if (!from_memory) faults.equal("k.in", input_of(k), input_of(q), "q.in");
  else faults.require(position.index() == 0 && !mask.window && !mask.chunk && !query_scale,
                      "sees all of an encoder's output, and has a position, a window, a chunk or a query_scale");
  if (q_norm && q_norm->size != output_of(q)) faults.equal("q_norm.size", q_norm->size, qk_dim, "qk_dim");
  if (k_norm && k_norm->size != output_of(k)) faults.equal("k_norm.size", k_norm->size, qk_dim, "qk_dim");
  if (norms_after_position.value_or(false)) {  // positions count in each head
    faults.require(q_norm && k_norm, "has norms_after_position and no 'q_norm' or no 'k_norm'");
    if (q_norm) faults.equal("q_norm.size", q_norm->size, qk_dim, "qk_dim");
    if (k_norm) faults.equal("k_norm.size", k_norm->size, qk_dim, "qk_dim");
  }
  if (const auto* rope = std::get_if<Rope>(&position))
    faults.require(rope->dims <= qk_dim, "turns " + std::to_string(rope->dims) + " of " + std::to_string(qk_dim) +
                                             " dimensions by its rope");
  faults.above_0("softcap", softcap);
}

}  // namespace garage
