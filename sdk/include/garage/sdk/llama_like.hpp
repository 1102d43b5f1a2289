// The decoder that Llama and its many relatives share: RMS norms before attention and feed-forward, grouped heads with
// rope, a gated feed-forward or a mixture. A family says in LlamaLike how its own differs, and is then a page of facts.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <garage/model.hpp>
#include <garage/sdk/config_reader.hpp>
#include <garage/sdk/decoder.hpp>
#include <garage/sdk/mixture.hpp>

namespace garage::sdk {

// What may differ from layer to layer.
struct LayerFacts {
  std::optional<std::int64_t> window;  // positions that a token sees, itself included; null: all
  bool local_rope = false;             // turns by LlamaLike::local_rope
  bool sparse = false;                 // its feed-forward is LlamaLike::mixture
};

enum class NormStyle {
  rms,        // x / rms * weight
  gemma_rms,  // x / rms * (1 + weight), multiplied before the cast
  layer,      // with a bias
};

struct LlamaLike {
  DecoderNames names;
  DecoderDims dims;
  std::string activation;
  double norm_eps = 0;
  NormStyle norms = NormStyle::rms;
  Rope rope;
  std::optional<Rope> local_rope;
  std::function<LayerFacts(std::int64_t layer)> layer = [](std::int64_t) { return LayerFacts{}; };
  std::optional<MixtureFacts> mixture;

  double embedding_scale = 1;
  std::optional<double> attention_scale;  // null: 1 / sqrt(head_dim)
  std::optional<double> attention_softcap;
  bool causal = true;     // the config's is_causal is seen to (DecoderBuilder::attention)
  bool qkv_bias = false, o_bias = false, mlp_bias = false;
  bool qk_norm = false;   // q_norm and k_norm over each head, in the style of the norms
  bool fused = false;     // qkv_proj and gate_up_proj, rows one after another (Phi-3)
  bool sandwich = false;  // norms after attention and feed-forward too (Gemma 2 and 3)
  HeadFacts head;
};

// Llama's names, for a family and its class without a head.
DecoderNames llama_names(std::string family, std::string base_class);

// Names follow Llama's (modeling_llama.py): embed_tokens, layers.<i>.self_attn.{q,k,v,o}_proj,
// layers.<i>.mlp.{gate,up,down}_proj, layers.<i>.{input,post_attention}_layernorm, norm, lm_head.
// Adds the spec's extra_info: num_kv_heads, rope_theta.
DecoderBuilder build_llama_like(const Model& model, const LlamaLike& facts);

// What the config's `layer_types` says of each layer: whether it sees a window only. Nothing when there is no such key.
// Throws kCorrupt when there are not as many as layers, kUnsupported for a type that is neither full nor sliding.
std::optional<std::vector<bool>> read_sliding_layers(const ConfigReader& config, std::int64_t layers);

}  // namespace garage::sdk
