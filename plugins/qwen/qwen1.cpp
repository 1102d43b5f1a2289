#include "qwen1.hpp"

#include <cmath>

#include <garage/error.hpp>
#include <garage/sdk/claim.hpp>
#include <garage/sdk/decoder.hpp>
#include <garage/sdk/rope_config.hpp>

using namespace garage;
using namespace garage::sdk;

namespace {

struct Qwen1Dims {
  DecoderDims decoder;
  double eps = 0;
  bool biases = false;  // of all projections but c_attn, which always has one
};

// QWenConfig; its first release had GPT-2's spelling of some keys.
Qwen1Dims read_dims(const ConfigReader& config) {
  const auto either = [&](std::string_view own, std::string_view first, std::int64_t otherwise) {
    return config.dimension(config.spelling({own, first}), otherwise);
  };
  Qwen1Dims dims;
  dims.decoder.hidden = either("hidden_size", "n_embd", 4096);
  dims.decoder.layers = either("num_hidden_layers", "n_layer", 32);
  dims.decoder.heads = dims.decoder.kv_heads = either("num_attention_heads", "n_head", 32);
  dims.decoder.head_dim = config.dimension("kv_channels", 128);
  // The config's intermediate_size is twice the width of w1 and w2.
  const auto key = config.spelling({"intermediate_size", "ffn_hidden_size"});
  const auto doubled = config.dimension(key, 22016);
  if (doubled % 2 != 0) config.refuse(key, "an even number: it is twice the feed-forward's width");
  dims.decoder.intermediate = doubled / 2;
  dims.decoder.vocab = config.dimension("vocab_size", 151936);
  dims.decoder.max_positions =
      config.dimension(config.spelling({"seq_length", "max_position_embeddings", "n_positions"}), 8192);
  dims.eps = config.positive("layer_norm_epsilon", 1e-6);
  dims.biases = !config.flag("no_bias", true);
  return dims;
}

Rope read_qwen1_rope(const ConfigReader& config, std::int64_t head_dim) {
  const auto share = config.positive("rotary_pct", 1);
  const auto dims = turned_dims(head_dim, share);
  if (!dims) config.refuse("rotary_pct", "a share that turns an even number of dimensions");
  return {.theta = config.positive("rotary_emb_base", 10000), .dims = *dims};
}

}  // namespace

bool is_qwen1(const Model& model) {
  const auto type = model_type_of(model);
  return type == "qwen" || (type.empty() && architecture_of(model).starts_with("QWen"));
}

ModelSpec decompose_qwen1(const Model& model) {
  const auto config = ConfigReader::of(model);
  const auto [dims, eps, biases] = read_dims(config);
  // QWenAttention's own product reads it, and flash attention does not.
  if (!config.flag("scale_attn_weights", true))
    config.unsupported("scale_attn_weights", "what depends on how attention is computed");
  const auto rope = read_qwen1_rope(config, dims.head_dim);
  DecoderBuilder build(model, dims,
                       {.family = "qwen",
                        .base_class = "QWenModel",
                        .prefix = "transformer.",
                        .embedding = "wte",
                        .layers = "h",
                        .layers_key = std::string(config.spelling({"num_hidden_layers", "n_layer"}))});
  for (const auto* encoder : {"visual", "audio"})
    if (build.has_any(std::string(encoder) + "."))
      throw Error(Errc::kUnsupported, std::string("the file has an encoder, 'transformer.") + encoder +
                                          "': Qwen-VL and Qwen-Audio are not handled; Qwen itself, of text alone, is");
  // Beyond seq_length Qwen-1 stretches its rope and scales its logits; up to it, it does neither.
  build.spec().extra_info = {{"num_kv_heads", dims.kv_heads},
                             {"rope_theta", rope.theta},
                             {"use_dynamic_ntk", config.flag("use_dynamic_ntk", true)},
                             {"use_logn_attn", config.flag("use_logn_attn", true)}};
  build.embedding("embedding", "wte", dims.vocab, {});
  build.rotary(rope);
  for (std::int64_t i = 0; i < dims.layers; ++i) {
    const auto module = build.layer_module(i);
    const auto attention = module + ".attn", mlp = module + ".mlp";
    const auto fused = build.linear(attention + ".c_attn", true);
    const auto width = dims.heads * dims.head_dim;
    build.attention(i, attention,
                    {.heads = dims.heads,
                     .kv_heads = dims.heads,
                     .head_dim = dims.head_dim,
                     .scale = 1 / std::sqrt(static_cast<double>(dims.head_dim)),
                     .q = rows(fused, 0, width),
                     .k = rows(fused, width, width),
                     .v = rows(fused, 2 * width, width),
                     .o = build.linear(attention + ".c_proj", biases),
                     .rope = rope});
    // QWenMLP: c_proj(w1(x) * silu(w2(x)))
    build.feed_forward(i, mlp, dims.intermediate,
                       {.activation = "silu",
                        .gate = build.linear(mlp + ".w2", biases),
                        .up = build.linear(mlp + ".w1", biases),
                        .down = build.linear(mlp + ".c_proj", biases)});
    for (const auto* norm : {"ln_1", "ln_2"})
      build.norm(part_name(norm, i), i, module + "." + norm, build.rms_norm(module + "." + norm, eps));
    build.layer(i, dims.intermediate,
                {.join = LayerJoin::sequential,
                 .attention_norm = part_name("ln_1", i),
                 .attention = part_name("attention", i),
                 .feed_forward_norm = part_name("ln_2", i),
                 .feed_forward = part_name("ffn", i)});
  }
  build.final_norm("ln_f", "ln_f", build.rms_norm("ln_f", eps));
  build.output_head({.declared_tied = config.flag("tie_word_embeddings", false)});
  build.ignore_rotary("h.{}.attn.rotary_emb", "recomputed from rotary_emb_base");
  return build.finish();
}
