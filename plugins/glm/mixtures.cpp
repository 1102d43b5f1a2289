// transformers: modeling_glm4_moe.py, modeling_glm4_moe_lite.py and their configurations; their mixture is DeepSeek
// 3's.
#include "mixtures.hpp"

#include <garage/sdk/grouped_mixture.hpp>
#include <garage/sdk/latent_config.hpp>

using namespace garage;
using namespace garage::sdk;

namespace {

// Glm4MoeConfig.
constexpr StackDims kDefaults = {4096, 46, 96, 8, 0, 10944, 151552, 131072};
constexpr GroupedMixtureDefaults kMixture = {.experts = 128, .top_k = 8, .width = 1408, .shared = 1};

// Glm4MoeLiteConfig.
constexpr StackDims kLiteDefaults = {2048, 47, 20, 20, 0, 10240, 154880, 202752};
constexpr LatentDims kLiteLatent = {.q_rank = 768, .kv_rank = 512, .nope_dim = 192, .rope_dim = 64, .v_dim = 256};
constexpr GroupedMixtureDefaults kLiteMixture = {.experts = 64, .top_k = 4, .width = 1536, .shared = 1, .scale = 1.8};

StackNames names_of(const char* base_class) {
  return {.family = "glm", .base_class = base_class, .predicts_further = true, .all_modules = true};
}

// head_dim is another name of qk_rope_head_dim.
LatentDims read_lite_latent(const ConfigReader& config) {
  auto latent = read_latent_dims(config, kLiteLatent);
  latent.rope_dim = config.dimension_of({"qk_rope_head_dim", "head_dim"}, kLiteLatent.rope_dim);
  check_qk_head_dim(config, latent);
  return latent;
}

}  // namespace

ModelSpec decompose_glm4_moe(const Model& model) {
  const auto config = ConfigReader::of(model);
  const auto dims = read_stack_dims(config, kDefaults);
  const auto norm = rms(config.positive("rms_norm_eps", 1e-5));
  const auto activation = config.text("hidden_act", "silu");
  const auto mixture = read_grouped_mixture(config, kMixture, activation);
  GqaOptions attention{.bias = config.flag("attention_bias", false)};
  if (config.flag("use_qk_norm", false)) attention.qk_norm = {norm};
  StackBuilder text(model, names_of("Glm4MoeModel"), dims);
  const auto sparse = sparse_from(config.count("first_k_dense_replace", 1), dims.layers);
  text.embedding("embed_tokens");
  attention.rope = text.rotary(read_rope(config, dims, {.partial_rotary_factor = 0.5}));
  for (auto& layer : text.layers()) {
    layer.stage({.norm = layer.norm("input_layernorm", norm), .op = gqa(layer, "self_attn", attention)});
    const bool is_sparse = sparse[static_cast<std::size_t>(layer.index())];
    layer.stage({.norm = layer.norm("post_attention_layernorm", norm),
                 .op = is_sparse ? moe(layer, "mlp", mixture) : gated_mlp(layer, "mlp", {activation})});
  }
  text.final_norm("norm", norm);
  text.output_head({.tied = read_tie(config, false)});
  return text.finish();
}

ModelSpec decompose_glm4_moe_lite(const Model& model) {
  const auto config = ConfigReader::of(model);
  const auto dims = read_latent_stack(config, kLiteDefaults);
  const auto latent = read_lite_latent(config);
  const auto norm = rms(config.positive("rms_norm_eps", 1e-5));
  const auto activation = config.text("hidden_act", "silu");
  const auto mixture = read_grouped_mixture(config, kLiteMixture, activation);
  StackBuilder text(model, names_of("Glm4MoeLiteModel"), dims);
  const auto sparse = read_sparse_list(config, dims.layers, /*first=*/1);  // first_k_dense_replace it does not read
  text.embedding("embed_tokens");
  const LatentOptions attention{.dims = latent,
                                .norm = rms(1e-6),  // whatever the config says
                                .bias = config.flag("attention_bias", false),
                                .rope = text.rotary(read_paired_latent_rope(config, latent, dims, {})),
                                .scale = read_latent_scale(config, latent)};
  for (auto& layer : text.layers()) {
    layer.stage({.norm = layer.norm("input_layernorm", norm), .op = latent_attention(layer, "self_attn", attention)});
    const bool is_sparse = sparse[static_cast<std::size_t>(layer.index())];
    layer.stage({.norm = layer.norm("post_attention_layernorm", norm),
                 .op = is_sparse ? moe(layer, "mlp", mixture) : gated_mlp(layer, "mlp", {activation})});
  }
  text.final_norm("norm", norm);
  text.output_head({.tied = read_tie(config, false)});
  return text.finish();
}
