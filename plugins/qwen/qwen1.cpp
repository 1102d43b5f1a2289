#include "qwen1.hpp"

#include <garage/error.hpp>
#include <garage/sdk/family.hpp>

using namespace garage;
using namespace garage::sdk;

namespace {

// QWenConfig; its first release had GPT-2's spelling of some keys.
StackDims read_dims(const ConfigReader& config) {
  StackDims dims;
  dims.hidden = config.dimension_of({"hidden_size", "n_embd"}, 4096);
  dims.layers = config.dimension_of({"num_hidden_layers", "n_layer"}, 32);
  dims.heads = dims.kv_heads = config.dimension_of({"num_attention_heads", "n_head"}, 32);
  dims.head_dim = config.dimension("kv_channels", 128);
  // The config's intermediate_size is twice the width of w1 and w2.
  const auto key = config.spelling({"intermediate_size", "ffn_hidden_size"});
  const auto doubled = config.dimension(key, 22016);
  if (doubled % 2 != 0) config.refuse(key, "an even number: it is twice the feed-forward's width");
  dims.intermediate = doubled / 2;
  dims.vocab = config.dimension("vocab_size", 151936);
  dims.max_positions =
      config.dimension(config.spelling({"seq_length", "max_position_embeddings", "n_positions"}), 8192);
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
  const auto dims = read_dims(config);
  const auto norm = rms(config.positive("layer_norm_epsilon", 1e-6));
  const bool biases = !config.flag("no_bias", true);  // of all projections but c_attn, which always has one
  // QWenAttention's own product reads it, and flash attention does not.
  if (!config.flag("scale_attn_weights", true))
    config.unsupported("scale_attn_weights", "what depends on how attention is computed");
  const auto turned = read_qwen1_rope(config, dims.head_dim);
  StackBuilder text(model,
                    {.family = "qwen",
                     .base_class = "QWenModel",
                     .prefix = "transformer.",
                     .layers = "h",
                     .layers_key = std::string(config.spelling({"num_hidden_layers", "n_layer"}))},
                    dims);
  for (const auto* encoder : {"visual", "audio"})
    if (text.tensors().has_any(std::string(encoder) + "."))
      throw Error(Errc::kUnsupported, std::string("the file has an encoder, 'transformer.") + encoder +
                                          "': Qwen-VL and Qwen-Audio are not handled; Qwen itself, of text alone, is");
  text.embedding("wte");
  const auto rope = text.rotary(turned, {.key = "rotary_emb_base"});
  // Beyond seq_length Qwen-1 stretches its rope and scales its logits; up to it, it does neither.
  for (const auto* key : {"use_dynamic_ntk", "use_logn_attn"}) text.extra_info()[key] = config.flag(key, true);
  for (auto& layer : text.layers()) {
    layer.stage({.norm = layer.norm("ln_1", norm),
                 .op = gqa(layer, "attn",
                           {.qkv = fused_qkv("c_attn"), .o = "c_proj", .bias = true, .o_bias = biases, .rope = rope})});
    // QWenMLP: c_proj(w1(x) * silu(w2(x)))
    layer.stage({.norm = layer.norm("ln_2", norm),
                 .op = gated_mlp(layer, "mlp",
                                 {.activation = "silu", .bias = biases, .gate = "w2", .up = "w1", .down = "c_proj"})});
  }
  text.final_norm("ln_f", norm);
  text.output_head({.tied = read_tie(config, false)});
  return text.finish();
}
