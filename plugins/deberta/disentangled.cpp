// DisentangledSelfAttention of modeling_deberta.py and modeling_deberta_v2.py.
#include "disentangled.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

namespace garage::deberta {

using namespace sdk;

namespace {

struct Qkv {
  Linear q, k, v;
};

// The first class has one projection: of each head its rows of q, of k and of v; q and v have a bias beside it.
Linear of_each_head(Linear fused, const StackDims& dims, std::int64_t which, std::optional<TensorRef> bias) {
  using Kind = ViewStep::Kind;
  fused.out = dims.hidden;
  fused.weight.view = {{Kind::view, {dims.heads, 3, dims.head_dim, dims.hidden}},
                       {Kind::select, {1, which}},
                       {Kind::view, {dims.hidden, dims.hidden}}};
  fused.bias = std::move(bias);
  return fused;
}

Qkv projections(const Tensors& tensors, const StackDims& dims, const Relative& relative) {
  const auto hidden = dims.hidden;
  if (relative.is_second)
    return {tensors.linear("query_proj", hidden, hidden, true), tensors.linear("key_proj", hidden, hidden, true),
            tensors.linear("value_proj", hidden, hidden, true)};
  const auto fused = tensors.linear("in_proj", hidden, 3 * hidden, false);
  return {of_each_head(fused, dims, 0, tensors.tensor("q_bias")), of_each_head(fused, dims, 1, {}),
          of_each_head(fused, dims, 2, tensors.tensor("v_bias"))};
}

void add(Custom& custom, const std::string& role, const Linear& linear) {
  custom.tensors[role + ".weight"] = {linear.weight, {linear.out, linear.in}, {}};
  if (linear.bias) custom.tensors[role + ".bias"] = {*linear.bias, {linear.out}, {}};
}

// What projects the table.
void add_position_projections(Custom& custom, const Tensors& tensors, std::int64_t hidden, const Relative& relative) {
  if (relative.shares_projections) return;
  const bool second = relative.is_second;
  if (relative.has("c2p"))
    add(custom, "position_key", tensors.linear(second ? "pos_key_proj" : "pos_proj", hidden, hidden, second));
  if (relative.has("p2c"))
    add(custom, "position_query", tensors.linear(second ? "pos_query_proj" : "pos_q_proj", hidden, hidden, true));
}

void add_table(Custom& custom, const Tensors& encoder, std::int64_t layer, std::int64_t hidden,
               const Relative& relative) {
  std::optional<PartRef<PartRole::owner>> owner;
  if (layer > 0) owner = "attention_0";
  custom.tensors["table"] = {encoder.tensor("rel_embeddings.weight"), {2 * relative.span, hidden}, owner};
  if (!relative.norms_table) return;
  custom.tensors["table_norm.weight"] = {encoder.tensor("LayerNorm.weight"), {hidden}, owner};
  custom.tensors["table_norm.bias"] = {encoder.tensor("LayerNorm.bias"), {hidden}, owner};
}

}  // namespace

bool Relative::has(const std::string& kind) const { return std::find(kinds.begin(), kinds.end(), kind) != kinds.end(); }

double Relative::score_terms() const {
  if (!is_second) return 1 + static_cast<double>(kinds.size());
  return 1.0 + has("c2p") + has("p2c");
}

Part attention(StackBuilder& text, LayerBuilder& layer, const Relative& relative) {
  const auto& dims = text.dims();
  const std::string module = "attention";
  const auto tensors = layer.tensors().of(module);
  const auto own = tensors.of("self");
  const auto scale = 1 / std::sqrt(static_cast<double>(dims.head_dim) * relative.score_terms());
  const auto [q, k, v] = projections(own, dims, relative);
  const auto o = tensors.linear("output.dense", dims.hidden, dims.hidden, true);
  if (!relative.on) {
    Attention plain{.heads = dims.heads, .kv_heads = dims.heads, .qk_dim = dims.head_dim, .v_dim = dims.head_dim};
    plain.scale = scale;
    plain.q = q;
    plain.k = k;
    plain.v = v;
    plain.o = o;
    plain.mask.causal = false;
    return layer.attention(module, std::move(plain));
  }
  Custom custom{.builder = "disentangled_attention"};
  custom.attributes = {{"heads", dims.heads},
                       {"scale", scale},
                       {"span", relative.span},
                       {"content_to_position", relative.has("c2p")},
                       {"position_to_content", relative.has("p2c")},
                       {"shares_projections", relative.shares_projections},
                       {"eps", relative.eps}};
  if (relative.has_buckets) custom.attributes["max_distance"] = relative.max_distance;
  add(custom, "q", q);
  add(custom, "k", k);
  add(custom, "v", v);
  add(custom, "o", o);
  add_position_projections(custom, own, dims.hidden, relative);
  add_table(custom, text.tensors().of("encoder"), layer.index(), dims.hidden, relative);
  auto made = layer.part("attention", part_type::kAttention, module, std::nullopt, std::move(custom));
  auto& spec = layer.spec_of(made);
  spec.num_heads = dims.heads;
  spec.head_dim = dims.head_dim;
  spec.extra_info["num_kv_heads"] = dims.heads;
  return made;
}

}  // namespace garage::deberta
