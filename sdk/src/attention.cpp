#include <garage/sdk/attention.hpp>

#include <cmath>
#include <string>
#include <vector>

namespace garage::sdk {
namespace {

using Kind = ViewStep::Kind;

struct Qkv {
  Linear q;
  std::optional<Linear> k = {}, v = {}, gate = {};
};

StackDims heads_of(StackDims dims, const GqaOptions& options) {
  if (options.heads > 0) dims.heads = options.heads;
  if (options.kv_heads > 0) dims.kv_heads = options.kv_heads;
  if (options.head_dim > 0) dims.head_dim = options.head_dim;
  return dims;
}

struct Groups {
  std::int64_t count, heads_in_each;
};

// The heads [first, first + count) of each group, as one projection.
Linear of_each_group(Linear fused, const StackDims& dims, const Groups& groups, std::int64_t first,
                     std::int64_t count) {
  const auto rows = groups.count * count * dims.head_dim;
  fused.out = rows;
  const auto pick = count == 1 ? ViewStep{Kind::select, {1, first}} : ViewStep{Kind::narrow, {1, first, count}};
  fused.weight.view = {{Kind::view, {groups.count, groups.heads_in_each, dims.head_dim, dims.hidden}},
                       pick,
                       {Kind::view, {rows, dims.hidden}}};
  if (fused.bias)
    fused.bias->view = {{Kind::view, {groups.count, groups.heads_in_each, dims.head_dim}}, pick, {Kind::view, {rows}}};
  return fused;
}

Qkv split(const Linear& fused, FusedRows layout, const StackDims& dims) {
  const auto queries = dims.heads / dims.kv_heads;
  if (layout == FusedRows::by_group) {
    const Groups groups{dims.kv_heads, queries + 2};
    return {of_each_group(fused, dims, groups, 0, queries), of_each_group(fused, dims, groups, queries, 1),
            of_each_group(fused, dims, groups, queries + 1, 1)};
  }
  const auto q_rows = dims.heads * dims.head_dim, kv_rows = dims.kv_heads * dims.head_dim;
  return {rows(fused, 0, q_rows), rows(fused, q_rows, kv_rows), rows(fused, q_rows + kv_rows, kv_rows)};
}

Qkv projections(const Tensors& tensors, const StackDims& dims, const GqaOptions& options) {
  const auto& names = options.qkv;
  const auto q_rows = dims.heads * dims.head_dim, kv_rows = dims.kv_heads * dims.head_dim;
  if (!names.fused.empty())
    return split(tensors.linear(names.fused, dims.hidden, q_rows + 2 * kv_rows, options.bias), names.rows, dims);
  Qkv made{tensors.linear(names.q, dims.hidden, names.gate_in_q ? 2 * q_rows : q_rows, options.bias)};
  if (!options.keys_of) made.k = tensors.linear(names.k, dims.hidden, kv_rows, options.bias);
  if (!options.keys_of && !options.values_are_keys)
    made.v = tensors.linear(names.v, dims.hidden, kv_rows, options.bias);
  if (names.gate_in_q) {
    const Groups heads{dims.heads, 2};
    made.gate = of_each_group(made.q, dims, heads, 1, 1);
    made.q = of_each_group(made.q, dims, heads, 0, 1);
  }
  return made;
}

// Of each head its own.
std::vector<Norm> norms_of_heads(const Tensors& tensors, const QkNorm& norm, const std::string& module,
                                 std::int64_t heads, std::int64_t head_dim) {
  std::vector<Norm> norms;
  for (std::int64_t head = 0; head < heads; ++head) {
    if (norm.weights == HeadWeights::tensor_a_head) {
      norms.push_back(tensors.norm(module + ".norms." + std::to_string(head), head_dim, norm.style));
    } else {
      norms.push_back(tensors.norm(module, head_dim, norm.style));
      norms.back().weight->view = {{Kind::select, {0, head}}};
    }
  }
  return norms;
}

// Of a norm without a weight there is nothing in the file.
Norm weightless(std::int64_t size, const NormStyle& style) {
  return {.kind = style.kind, .size = size, .eps = style.eps, .multiply_before_cast = style.multiply_before_cast};
}

}  // namespace

Part gqa(LayerBuilder& layer, const std::string& module, const GqaOptions& options) {
  const auto dims = heads_of(layer.dims(), options);
  const auto tensors = layer.tensors().of(module);
  auto [q, k, v, gate] = projections(tensors, dims, options);
  Attention made{.heads = dims.heads, .kv_heads = dims.kv_heads, .qk_dim = dims.head_dim, .v_dim = dims.head_dim};
  made.scale = options.scale.value_or(1 / std::sqrt(static_cast<double>(dims.head_dim)));
  made.q = std::move(q);
  if (k) made.k = std::move(*k);
  if (v) made.v = std::move(*v);
  if (options.keys_of) made.keys_of = part_name("attention", *options.keys_of);
  else if (options.values_are_keys) made.values_are_keys = true;
  if (options.is_source) made.is_source = true;
  if (gate) made.gate = std::move(*gate);
  if (!options.gate.empty())
    made.gate = tensors.linear(options.gate, dims.hidden,
                               options.gate_of_head ? dims.heads : dims.heads * dims.head_dim, false);
  if (options.gate_kind) made.gate_kind = *options.gate_kind;
  if (options.clip) made.clip = *options.clip;
  if (const auto& norm = options.o_norm)
    made.o_norm = tensors.norm(norm->module, dims.heads * dims.head_dim, norm->style);
  made.o = tensors.linear(options.o, dims.heads * dims.head_dim, dims.hidden, options.o_bias);
  if (const auto& norm = options.qk_norm; norm && norm->weights != HeadWeights::shared) {
    made.head_norms = HeadNorms{norms_of_heads(tensors, *norm, norm->q, dims.heads, dims.head_dim),
                                norms_of_heads(tensors, *norm, norm->k, dims.kv_heads, dims.head_dim)};
  } else if (norm) {
    const auto size = [&](std::int64_t heads) { return norm->over_all_heads ? heads * dims.head_dim : dims.head_dim; };
    const auto of = [&](const std::string& module, std::int64_t heads) {
      return norm->has_weight ? tensors.norm(module, size(heads), norm->style) : weightless(size(heads), norm->style);
    };
    made.q_norm = of(norm->q, dims.heads);
    if (!options.keys_of) made.k_norm = of(norm->k, dims.kv_heads);
    if (norm->after_position) made.norms_after_position = true;
  }
  if (options.v_norm && !options.keys_of) made.v_norm = weightless(dims.head_dim, *options.v_norm);
  if (options.rope) made.position = *options.rope;
  if (options.alibi) made.position = *options.alibi;
  if (options.relative_bias) made.position = *options.relative_bias;
  made.query_scale = options.query_scale;
  made.mask = {.causal = options.causal, .window = options.window, .chunk = options.chunk, .longest = options.longest};
  made.softcap = options.softcap;
  made.from_memory = options.from_memory;
  return layer.attention(module, std::move(made));
}

}  // namespace garage::sdk
