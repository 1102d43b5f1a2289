// transformers: modeling_qwen3_next.py, modeling_qwen3_5.py, modeling_qwen3_5_moe.py and their configurations.
#include "qwen3_next.hpp"

#include <functional>

#include <garage/sdk/family.hpp>

#include "vision.hpp"

namespace {

using namespace garage;
using namespace garage::sdk;

// How the classes differ; their config classes' defaults.
struct Variant {
  const char* model_type;
  const char* base_class;
  StackDims defaults;
  DeltaNetRows rows;
  std::int64_t experts, top_k;  // 0: no layer is a mixture
  bool asks_renormalise;        // norm_topk_prob; else they always are
  bool names_dense_layers;      // decoder_sparse_step, mlp_only_layers; else every layer is a mixture
  bool sees = false;            // there is a vision tower
};

constexpr Variant kVariants[] = {
    {"qwen3_next",
     "Qwen3NextModel",
     {2048, 48, 16, 2, 256, 5632, 151936, 32768},
     DeltaNetRows::by_key_head,
     512,
     10,
     true,
     true},
    {"qwen3_5_text",
     "Qwen3_5TextModel",
     {4096, 32, 16, 4, 256, 12288, 248320, 32768},
     DeltaNetRows::one_after_another,
     0,
     0,
     false,
     false},
    {"qwen3_5_moe_text",
     "Qwen3_5MoeTextModel",
     {2048, 40, 16, 2, 256, 512, 248320, 32768},
     DeltaNetRows::one_after_another,
     256,
     8,
     false,
     false},
    {"qwen3_5",
     "Qwen3_5Model",
     {4096, 32, 16, 4, 256, 12288, 248320, 32768},
     DeltaNetRows::one_after_another,
     0,
     0,
     false,
     false,
     true},
    {"qwen3_5_moe",
     "Qwen3_5MoeModel",
     {2048, 40, 16, 2, 256, 512, 248320, 32768},
     DeltaNetRows::one_after_another,
     256,
     8,
     false,
     false,
     true},
};

const Variant* variant_of(const Model& model) {
  for (const auto& variant : kVariants)
    if (is_of(model, variant.model_type)) return &variant;
  return nullptr;
}

std::vector<bool> read_delta_layers(const ConfigReader& config, std::int64_t layers) {
  std::vector<bool> delta;
  if (config.has("layer_types")) {
    for (const auto& type : read_layer_types(config, layers, {"full_attention", "linear_attention"}))
      delta.push_back(type == "linear_attention");
    return delta;
  }
  const auto interval = config.dimension("full_attention_interval", 4);
  for (std::int64_t i = 0; i < layers; ++i) delta.push_back((i + 1) % interval != 0);
  return delta;
}

MoeOptions read_mixture(const ConfigReader& config, const Variant& variant, const std::string& activation) {
  MoeOptions mixture{.activation = activation};
  if (variant.experts == 0) return mixture;
  mixture.experts = config.count("num_experts", variant.experts);
  mixture.top_k = config.dimension("num_experts_per_tok", variant.top_k);
  mixture.width = config.dimension("moe_intermediate_size", 512);
  mixture.shared_width = config.dimension("shared_expert_intermediate_size", 512);
  mixture.routing = softmax_routing(!variant.asks_renormalise || config.flag("norm_topk_prob", true));
  return mixture;
}

std::function<bool(std::int64_t)> sparse_layers(const ConfigReader& config, const Variant& variant,
                                                const MoeOptions& mixture) {
  if (mixture.experts == 0) return [](std::int64_t) { return false; };
  if (!variant.names_dense_layers) return [](std::int64_t) { return true; };
  return read_sparse_layers(config);
}

DeltaNetOptions read_delta_net(const ConfigReader& config, const Variant& variant, double eps) {
  return {.key_heads = config.dimension("linear_num_key_heads", 16),
          .value_heads = config.dimension("linear_num_value_heads", 32),
          .key_dim = config.dimension("linear_key_head_dim", 128),
          .value_dim = config.dimension("linear_value_head_dim", 128),
          .kernel = config.dimension("linear_conv_kernel_dim", 4),
          .norm = rms(eps),
          .rows = variant.rows};
}

}  // namespace

bool is_qwen3_next(const Model& model) { return variant_of(model) != nullptr; }

ModelSpec decompose_qwen3_next(const Model& model) {
  const auto whole = ConfigReader::of(model);
  const auto& variant = *variant_of(model);
  const auto config = variant.sees ? qwen_text_config(whole) : whole;
  const auto dims = read_stack_dims(config, variant.defaults);
  const auto activation = config.text("hidden_act", "silu");
  // The delta net's convolution has silu in one of its ways to compute it, and hidden_act in the others.
  if (activation != "silu") config.unsupported("hidden_act", "another activation than silu behind a convolution");
  const auto eps = config.positive("rms_norm_eps", 1e-6);
  const auto norm = gemma_rms(eps);
  const bool bias = config.flag("attention_bias", false);
  const auto delta_net = read_delta_net(config, variant, eps);
  const auto mixture = read_mixture(config, variant, activation);
  const auto is_delta = read_delta_layers(config, dims.layers);
  const auto is_sparse = sparse_layers(config, variant, mixture);
  StackBuilder text(model,
                    variant.sees ? qwen_vision_names(variant.base_class)
                                 : StackNames{.family = "qwen", .base_class = variant.base_class, .all_modules = true},
                    dims);
  text.embedding("embed_tokens");
  const auto rope = text.rotary(
      read_rope(config, dims, {.partial_rotary_factor = 0.25, .turns_by_table = true, .has_sections = variant.sees}));
  const GqaOptions attention{
      .qkv = {.gate_in_q = true}, .bias = bias, .o_bias = bias, .qk_norm = QkNorm{norm}, .rope = rope};
  for (auto& layer : text.layers()) {
    const auto before = layer.norm("input_layernorm", norm);
    layer.stage({.norm = before,
                 .op = is_delta[static_cast<std::size_t>(layer.index())]
                           ? gated_delta_net(layer, "linear_attn", delta_net)
                           : gqa(layer, "self_attn", attention)});
    layer.stage({.norm = layer.norm("post_attention_layernorm", norm),
                 .op = is_sparse(layer.index()) ? moe(layer, "mlp", mixture) : gated_mlp(layer, "mlp", {activation})});
  }
  text.final_norm("norm", norm);
  text.output_head({.tied = read_tie(whole, false)});
  note_sections(text, config);
  if (variant.sees) add_qwen_vision(text, whole.section("vision_config"), QwenTower::qwen3);
  return text.finish();
}
