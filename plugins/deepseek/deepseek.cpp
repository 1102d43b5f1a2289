// DeepSeek 3 and 3.2, and those that its class was copied into: Youtu, which is dense, and GLM-5 (transformers:
// modeling_deepseek_v3.py, modeling_deepseek_v32.py, modeling_youtu.py, modeling_glm_moe_dsa.py and their
// configurations); DeepSeek 2 in deepseek2.cpp.
#include <fmt/format.h>

#include <garage/sdk/family.hpp>
#include <garage/sdk/grouped_mixture.hpp>
#include <garage/sdk/latent_config.hpp>

#include "deepseek2.hpp"
#include "sparse_attention.hpp"

namespace {

using namespace garage;
using namespace garage::sdk;

// How the classes differ; their config classes' defaults.
struct Variant {
  const char* model_type;
  const char* base_class;
  StackDims defaults;
  LatentDims latent = {.q_rank = 1536, .kv_rank = 512, .nope_dim = 128, .rope_dim = 64, .v_dim = 128};
  std::optional<GroupedMixtureDefaults> mixture = {};  // null: all feed-forwards are dense
  double eps = 1e-6;
  bool tied = false;
  std::optional<IndexerDims> indexer = {};  // chooses the keys that a token looks at
  bool shares_choices = false;              // layers may have another's indexer
  bool counts_twice = false;                // experts are n_routed_experts, and num_experts as well
  bool zeroes_padding = false;              // the embedding's row of pad_token_id is not the file's
};

constexpr GroupedMixtureDefaults kMixture = {
    .experts = 256, .top_k = 8, .width = 2048, .shared = 1, .groups = 8, .kept = 4, .scale = 2.5};

constexpr Variant kVariants[] = {
    {.model_type = "deepseek_v3",
     .base_class = "DeepseekV3Model",
     .defaults = {7168, 61, 128, 128, 0, 18432, 129280, 4096},
     .mixture = kMixture},
    {.model_type = "deepseek_v32",
     .base_class = "DeepseekV32Model",
     .defaults = {7168, 61, 128, 128, 0, 18432, 129280, 163840},
     .mixture = kMixture,
     .indexer = IndexerDims{.heads = 64, .head_dim = 128, .top_k = 2048},
     .counts_twice = true},
    {.model_type = "glm_moe_dsa",
     .base_class = "GlmMoeDsaModel",
     .defaults = {6144, 78, 64, 64, 0, 12288, 154880, 202752},
     .latent = {.q_rank = 2048, .kv_rank = 512, .nope_dim = 192, .rope_dim = 64, .v_dim = 256},
     .mixture = GroupedMixtureDefaults{.experts = 256, .top_k = 8, .width = 2048, .shared = 1, .scale = 2.5},
     .eps = 1e-5,
     .indexer = IndexerDims{.heads = 32, .head_dim = 128, .top_k = 2048},
     .shares_choices = true},
    {.model_type = "youtu",
     .base_class = "YoutuModel",
     .defaults = {2048, 32, 16, 16, 0, 6144, 128256, 131072},
     .tied = true,
     .zeroes_padding = true},
};

const Variant& variant_of(const Model& model) {
  for (const auto& variant : kVariants)
    if (is_of(model, variant.model_type)) return variant;
  return kVariants[0];
}

// DeepseekV3Config knows no mlp_layer_types.
std::vector<bool> read_sparse(const ConfigReader& config, std::int64_t layers, const Variant& variant) {
  if (!variant.mixture) return std::vector<bool>(static_cast<std::size_t>(layers), false);
  const auto first = config.count("first_k_dense_replace", 3);
  if (variant.indexer) return read_sparse_list(config, layers, first);
  return sparse_from(first, layers);
}

MoeOptions read_mixture(const ConfigReader& config, const Variant& variant, const std::string& activation) {
  if (!variant.mixture) return {};
  auto mixture = read_grouped_mixture(config, *variant.mixture, activation);
  for (const auto* other : {"num_experts", "num_local_experts"})
    if (variant.counts_twice && config.dimension(other, mixture.experts) != mixture.experts)
      config.refuse(other, fmt::format("what n_routed_experts is, {}", mixture.experts));
  return mixture;
}

LatentOptions read_attention(const ConfigReader& config, const StackDims& dims, const Variant& variant) {
  const auto latent = read_latent_dims(config, variant.latent);
  check_qk_head_dim(config, latent);
  if (!variant.indexer && config.dimension("head_dim", latent.rope_dim) != latent.rope_dim)
    config.refuse("head_dim",
                  fmt::format("what qk_rope_head_dim is, {}: the rope's table is as wide", latent.rope_dim));
  // With an indexer neighbours always turn together.
  const auto rope =
      variant.indexer ? read_latent_rope(config, latent, dims) : read_paired_latent_rope(config, latent, dims);
  return {.dims = latent,
          .norm = rms(1e-6),  // whatever the config says
          .bias = config.flag("attention_bias", false),
          .rope = rope,
          .scale = read_latent_scale(config, latent)};
}

// What each layer's attention is: of latent keys, all of them or those that an indexer chooses.
class Attentions {
 public:
  Attentions(const ConfigReader& config, const StackDims& dims, const Variant& variant)
      : config_(config), variant_(variant), options_{.latent = read_attention(config, dims, variant)} {
    if (!variant.indexer) return;
    const auto& latent = options_.latent.dims;
    if (!latent.q_rank) config.refuse("q_lora_rank", "a number: the indexer reads what lies between q's projections");
    options_.indexer = read_indexer_dims(config, *variant.indexer);
    if (options_.indexer.head_dim < latent.rope_dim)
      config.refuse("index_head_dim", fmt::format("at least qk_rope_head_dim, {}", latent.rope_dim));
    if (!config.flag("is_causal", true)) config.unsupported("is_causal", "an indexer that looks both ways");
  }

  // Once it is known that there are as many layers.
  void begin(StackBuilder& text) {
    options_.latent.rope = text.rotary(options_.latent.rope);
    options_.rope_module = text.module_path("rotary_emb");
    const auto layers = text.dims().layers;
    if (variant_.indexer && config_.has("layer_types"))
      read_layer_types(config_, layers, {"deepseek_sparse_attention"});
    if (variant_.shares_choices) chooses_ = read_choosing_layers(config_, layers);
  }

  Part add(LayerBuilder& layer, const std::string& module) {
    if (!variant_.indexer) return latent_attention(layer, module, options_.latent);
    const auto index = layer.index();
    return sparse_attention(layer, module, options_,
                            chooses_.empty() ? index : chooses_[static_cast<std::size_t>(index)]);
  }

 private:
  const ConfigReader& config_;
  const Variant& variant_;
  SparseAttentionOptions options_;
  std::vector<std::int64_t> chooses_;  // whose indexer does for each layer; empty: its own
};

StackNames names_of(const Variant& variant) {
  return {.family = "deepseek",
          .base_class = variant.base_class,
          .predicts_further = variant.mixture.has_value(),
          .all_modules = true};
}

const FamilyNames kNames = {
    "deepseek",
    {"deepseek_v2", "deepseek_v3", "deepseek_v32", "glm_moe_dsa", "youtu"},
    {"DeepseekV2ForCausalLM", "DeepseekV2Model", "DeepseekV3ForCausalLM", "DeepseekV3Model", "DeepseekV32ForCausalLM",
     "DeepseekV32Model", "GlmMoeDsaForCausalLM", "GlmMoeDsaModel", "YoutuForCausalLM", "YoutuModel"},
    {}};

class DeepseekDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    if (is_of(model, "deepseek_v2")) return decompose_deepseek2(model);
    const auto config = ConfigReader::of(model);
    const auto& variant = variant_of(model);
    const auto dims = read_latent_stack(config, variant.defaults);
    const auto norm = rms(config.positive("rms_norm_eps", variant.eps));
    const auto activation = config.text("hidden_act", "silu");
    const auto mixture = read_mixture(config, variant, activation);
    Attentions attentions(config, dims, variant);
    // YoutuPreTrainedModel._init_weights, which runs once the weights are there.
    if (variant.zeroes_padding && config.has("pad_token_id"))
      config.unsupported("pad_token_id", "an embedding of which transformers sets that row to zeros");
    StackBuilder text(model, names_of(variant), dims);
    const auto sparse = read_sparse(config, dims.layers, variant);
    text.embedding("embed_tokens");
    attentions.begin(text);
    for (auto& layer : text.layers()) {
      layer.stage({.norm = layer.norm("input_layernorm", norm), .op = attentions.add(layer, "self_attn")});
      const bool is_sparse = sparse[static_cast<std::size_t>(layer.index())];
      layer.stage({.norm = layer.norm("post_attention_layernorm", norm),
                   .op = is_sparse ? moe(layer, "mlp", mixture) : gated_mlp(layer, "mlp", {activation})});
    }
    text.final_norm("norm", norm);
    text.output_head({.tied = read_tie(config, variant.tied)});
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(DeepseekDecomposer, {.name = "deepseek",
                                   .version = "1.0.0",
                                   .license = "Apache-2.0",
                                   .families = {"deepseek"},
                                   .model_types = kNames.model_types});
