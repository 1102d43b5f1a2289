#include "upgrade.hpp"

#include "root.hpp"

namespace garage::edition1 {
namespace {

// 0 where 64 bits cannot count it, which edition 2 refuses.
std::int64_t product(std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  return __builtin_mul_overflow(a, b, &result) ? 0 : result;
}

garage::Linear sized(Linear&& linear, std::int64_t in, std::int64_t out) {
  return {in, out, std::move(linear.weight), std::move(linear.bias)};
}

garage::Norm sized(Norm&& norm, std::int64_t size) {
  return {norm.kind,
          size,
          norm.eps,
          std::move(norm.weight),
          std::move(norm.bias),
          norm.weight_offset,
          norm.multiply_before_cast};
}

std::optional<garage::Norm> sized(std::optional<Norm>&& norm, std::int64_t size) {
  if (!norm) return std::nullopt;
  return sized(std::move(*norm), size);
}

// Of one part, which it takes apart.
class Upgrade {
 public:
  explicit Upgrade(PartSpec& part) : part_(part) {}

  garage::Blueprint blueprint() {
    return std::visit([&](auto& op) -> garage::Blueprint { return upgraded(op); }, *part_.blueprint);
  }

  // As the mixture that chooses by it has it.
  garage::Blueprint router(const Mixture& mixture) {
    return Router{
        .scores = upgraded(std::get<Linear>(*part_.blueprint)),
        .scoring = mixture.scoring == Scoring::sparsemixer ? garage::Scoring::sparsemixer : garage::Scoring::softmax,
        .top_k = mixture.top_k,
        .renormalise = mixture.scoring == Scoring::softmax_renormalised,
        .jitter = mixture.jitter};
  }

 private:
  garage::Linear upgraded(Linear& linear) { return sized(std::move(linear), part_.input_dim, part_.output_dim); }
  garage::Norm upgraded(Norm& norm) { return sized(std::move(norm), part_.input_dim); }
  Rope upgraded(Rope& rope) { return std::move(rope); }

  garage::Attention upgraded(Attention& old) {
    const auto q = product(old.heads, old.head_dim), kv = product(old.kv_heads, old.head_dim);
    garage::Attention attention{.heads = old.heads,
                                .kv_heads = old.kv_heads,
                                .qk_dim = old.head_dim,
                                .v_dim = old.head_dim,
                                .scale = old.scale,
                                .q = sized(std::move(old.q), part_.input_dim, q),
                                .k = sized(std::move(old.k), part_.input_dim, kv),
                                .v = sized(std::move(old.v), part_.input_dim, kv),
                                .o = sized(std::move(old.o), q, part_.output_dim),
                                .q_norm = sized(std::move(old.q_norm), old.head_dim),
                                .k_norm = sized(std::move(old.k_norm), old.head_dim),
                                .mask = {old.causal, old.window},
                                .softcap = old.softcap};
    if (old.rope) attention.position = std::move(*old.rope);
    return attention;
  }

  garage::FeedForward upgraded(FeedForward& old) {
    const auto inner = *part_.intermediate_dim;
    garage::FeedForward ffn{.activation = std::move(old.activation),
                            .up = sized(std::move(old.up), part_.input_dim, inner),
                            .down = sized(std::move(old.down), inner, part_.output_dim)};
    if (old.gate) ffn.gate = sized(std::move(*old.gate), part_.input_dim, inner);
    return ffn;
  }

  garage::Mixture upgraded(Mixture& old) {
    garage::Mixture mixture{.router = std::move(old.router)};
    for (auto& expert : old.experts) mixture.experts.emplace_back(std::move(expert));
    if (old.shared_expert) mixture.shared_expert = std::move(*old.shared_expert);
    if (old.shared_expert_gate)
      mixture.shared_expert_gate = sized(std::move(*old.shared_expert_gate), part_.input_dim, 1);
    return mixture;
  }

  garage::Embedding upgraded(Embedding& old) {
    return {part_.input_dim, part_.output_dim, std::move(old.weight), old.scale, old.indexed_by};
  }

  garage::OutputHead upgraded(OutputHead& old) {
    garage::OutputHead head{sized(std::move(old.projection), part_.input_dim, part_.output_dim), old.softcap, {}};
    if (old.tied_to) head.tied_to = std::move(*old.tied_to);
    return head;
  }

  garage::Layer upgraded(Layer& old) {
    Branch attention{.norm = old.attention_norm, .op = old.attention};
    if (old.attention_post_norm) attention.post_norm = *old.attention_post_norm;
    garage::Layer layer;
    layer.stages.push_back({.branches = {std::move(attention)}});
    if (!old.feed_forward) return layer;
    Branch feed_forward{.norm = old.feed_forward_norm.value_or(old.attention_norm), .op = *old.feed_forward};
    if (old.feed_forward_post_norm) feed_forward.post_norm = *old.feed_forward_post_norm;
    if (old.join == LayerJoin::parallel) layer.stages.front().branches.push_back(std::move(feed_forward));
    else layer.stages.push_back({.branches = {std::move(feed_forward)}});
    return layer;
  }

  garage::Custom upgraded(Custom& old) {
    garage::Custom custom{std::move(old.builder), std::move(old.attributes), std::move(old.tensors), {}};
    for (auto& child : part_.children) custom.parts.emplace_back(std::move(child));
    return custom;
  }

  PartSpec& part_;
};

// Of each linear that a mixture chooses by: the mixture.
using Routers = boost::unordered_flat_map<const PartSpec*, Mixture>;

Routers routers_of(const ModelSpec& spec) {
  Routers routers;
  for (const auto& [name, part] : spec.parts) {
    if (!part.blueprint) continue;
    if (const auto* mixture = std::get_if<Mixture>(&*part.blueprint))
      routers.emplace(spec.parts.find(mixture->router),
                      Mixture{.top_k = mixture->top_k, .scoring = mixture->scoring, .jitter = mixture->jitter});
  }
  return routers;
}

garage::PartSpec upgraded(PartSpec& old, const Routers& routers) {
  garage::PartSpec part{.part_type = std::move(old.part_type),
                        .layer_idx = old.layer_idx,
                        .module_path = std::move(old.module_path),
                        .input_dim = old.input_dim,
                        .output_dim = old.output_dim,
                        .num_heads = old.num_heads,
                        .head_dim = old.head_dim,
                        .intermediate_dim = old.intermediate_dim,
                        .extra_info = std::move(old.extra_info),
                        .parameters = old.parameters};
  if (!old.blueprint) return part;
  const auto router = routers.find(&old);
  part.blueprint = router == routers.end() ? Upgrade(old).blueprint() : Upgrade(old).router(router->second);
  if (const auto* rope = std::get_if<Rope>(&*part.blueprint)) part.input_dim = part.output_dim = rope->dims;
  return part;
}

}  // namespace

garage::ModelSpec upgraded(ModelSpec&& old) {
  garage::ModelSpec spec{.model_id = std::move(old.model_id),
                         .family = std::move(old.family),
                         .hidden_dim = old.hidden_dim,
                         .num_layers = old.num_layers,
                         .num_heads = old.num_heads,
                         .vocab_size = old.vocab_size,
                         .max_seq_len = old.max_seq_len,
                         .extra_info = std::move(old.extra_info),
                         .model_type = std::move(old.model_type),
                         .architecture = std::move(old.architecture),
                         .parameters = old.parameters,
                         .dtypes = std::move(old.dtypes),
                         .source = std::move(old.source),
                         .decomposer = std::move(old.decomposer),
                         .notes = std::move(old.notes),
                         .ignored = std::move(old.ignored)};
  const auto routers = routers_of(old);
  for (auto& [name, part] : old.parts) spec.parts.add(name, upgraded(part, routers));
  add_root(spec, old.assembly);
  return spec;
}

}  // namespace garage::edition1
