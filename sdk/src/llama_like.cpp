#include <garage/sdk/llama_like.hpp>

#include <cmath>

#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage::sdk {
namespace {

class LlamaLikeBuilder {
 public:
  LlamaLikeBuilder(const Model& model, const LlamaLike& facts)
      : facts_(facts), build_(model, facts.dims, facts.names) {}

  DecoderBuilder build() {
    build_.spec().extra_info = {{"num_kv_heads", facts_.dims.kv_heads}, {"rope_theta", facts_.rope.theta}};
    build_.embedding("embedding", facts_.names.embedding, facts_.dims.vocab, {.scale = facts_.embedding_scale});
    build_.rotary(facts_.rope);
    if (facts_.local_rope) build_.rotary(*facts_.local_rope, "rotary_emb_local");
    for (std::int64_t i = 0; i < facts_.dims.layers; ++i) add_layer(i, facts_.layer(i));
    build_.final_norm("norm", "norm", norm("norm"));
    build_.output_head(facts_.head);
    build_.ignore_rotary("layers.{}.self_attn.rotary_emb", "recomputed from rope_theta");
    return std::move(build_);
  }

 private:
  void add_layer(std::int64_t i, const LayerFacts& layer) {
    const auto module = build_.layer_module(i);
    const auto self_attn = module + ".self_attn", mlp = module + ".mlp";
    build_.attention(i, self_attn, attention(self_attn, layer));
    const auto width = layer.sparse ? facts_.mixture->intermediate : facts_.dims.intermediate;
    if (layer.sparse) add_mixture(build_, i, mlp, facts_.activation, *facts_.mixture);
    else build_.feed_forward(i, mlp, width, feed_forward(mlp));
    Layer joined{.join = LayerJoin::sequential,
                 .attention_norm = add_norm(i, module, "input_layernorm"),
                 .attention = part_name("attention", i),
                 .feed_forward = part_name("ffn", i)};
    auto after_attention = add_norm(i, module, "post_attention_layernorm");
    if (facts_.sandwich) {
      joined.join = LayerJoin::sandwich;
      joined.attention_post_norm = std::move(after_attention);
      joined.feed_forward_norm = add_norm(i, module, "pre_feedforward_layernorm");
      joined.feed_forward_post_norm = add_norm(i, module, "post_feedforward_layernorm");
    } else {
      joined.feed_forward_norm = std::move(after_attention);
    }
    build_.layer(i, width, std::move(joined));
  }

  std::string add_norm(std::int64_t i, const std::string& layer, const std::string& name) {
    const auto module = layer + "." + name;
    auto part = part_name(name, i);
    build_.norm(part, i, module, norm(module));
    return part;
  }

  Norm norm(const std::string& module) const {
    if (facts_.norms == NormStyle::layer) return build_.layer_norm(module, facts_.norm_eps);
    auto made = build_.rms_norm(module, facts_.norm_eps);
    made.weight_offset = facts_.norms == NormStyle::gemma_rms ? 1 : 0;
    made.multiply_before_cast = facts_.norms == NormStyle::gemma_rms;
    return made;
  }

  Attention attention(const std::string& module, const LayerFacts& layer) const {
    const auto& dims = facts_.dims;
    Attention made{.heads = dims.heads, .kv_heads = dims.kv_heads, .head_dim = dims.head_dim};
    made.scale = facts_.attention_scale.value_or(1 / std::sqrt(static_cast<double>(dims.head_dim)));
    if (facts_.fused) {
      const auto qkv = build_.linear(module + ".qkv_proj", facts_.qkv_bias);
      const auto q_rows = dims.heads * dims.head_dim, kv_rows = dims.kv_heads * dims.head_dim;
      made.q = rows(qkv, 0, q_rows);
      made.k = rows(qkv, q_rows, kv_rows);
      made.v = rows(qkv, q_rows + kv_rows, kv_rows);
    } else {
      made.q = build_.linear(module + ".q_proj", facts_.qkv_bias);
      made.k = build_.linear(module + ".k_proj", facts_.qkv_bias);
      made.v = build_.linear(module + ".v_proj", facts_.qkv_bias);
    }
    made.o = build_.linear(module + ".o_proj", facts_.o_bias);
    if (facts_.qk_norm) {
      made.q_norm = norm(module + ".q_norm");
      made.k_norm = norm(module + ".k_norm");
    }
    made.rope = layer.local_rope ? facts_.local_rope : facts_.rope;
    made.window = layer.window;
    made.softcap = facts_.attention_softcap;
    made.causal = facts_.causal;
    return made;
  }

  FeedForward feed_forward(const std::string& module) const {
    const auto width = facts_.dims.intermediate;
    FeedForward made{.activation = facts_.activation, .down = build_.linear(module + ".down_proj", facts_.mlp_bias)};
    if (facts_.fused) {
      const auto gate_up = build_.linear(module + ".gate_up_proj", facts_.mlp_bias);
      made.gate = rows(gate_up, 0, width);
      made.up = rows(gate_up, width, width);
    } else {
      made.gate = build_.linear(module + ".gate_proj", facts_.mlp_bias);
      made.up = build_.linear(module + ".up_proj", facts_.mlp_bias);
    }
    return made;
  }

  const LlamaLike& facts_;
  DecoderBuilder build_;
};

}  // namespace

DecoderNames llama_names(std::string family, std::string base_class) {
  return {.family = std::move(family),
          .base_class = std::move(base_class),
          .prefix = "model.",
          .embedding = "embed_tokens",
          .layers = "layers"};
}

DecoderBuilder build_llama_like(const Model& model, const LlamaLike& facts) {
  return LlamaLikeBuilder(model, facts).build();
}

std::optional<std::vector<bool>> read_sliding_layers(const ConfigReader& config, std::int64_t layers) {
  if (!config.has("layer_types")) return std::nullopt;
  std::vector<bool> sliding;
  for (const auto& type : config.texts("layer_types")) {
    if (type != "full_attention" && type != "sliding_attention")
      throw Error(
          Errc::kUnsupported,
          fmt::format("{}: layer_types has '{}', known are full_attention and sliding_attention", config.path(), type));
    sliding.push_back(type == "sliding_attention");
  }
  if (static_cast<std::int64_t>(sliding.size()) != layers)
    throw Error(Errc::kCorrupt, fmt::format("{}: layer_types has {} entries, there are {} layers", config.path(),
                                            sliding.size(), layers));
  return sliding;
}

}  // namespace garage::sdk
