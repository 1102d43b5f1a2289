// transformers: modeling_hy_v3.py, configuration_hy_v3.py.
#include "hy3.hpp"

#include <garage/sdk/grouped_mixture.hpp>

using namespace garage;
using namespace garage::sdk;

namespace {

// HYV3Config.
constexpr StackDims kDefaults = {4096, 80, 64, 8, 128, 13312, 120832, 131072};

// HYV3MoE. In files router, correction and shared expert have names of their own (conversion_mapping.py).
MoeOptions read_mixture(const LayerBuilder& layer, const ConfigReader& config, const std::string& activation) {
  const auto width = config.dimension("moe_intermediate_size", 1536);
  MoeOptions mixture{.activation = activation,
                     .experts = config.dimension_of({"num_experts", "num_local_experts"}, 192),
                     .top_k = config.dimension("num_experts_per_tok", 8),
                     .width = width,
                     .routing = {.scoring = Scoring::sigmoid, .renormalise = true},
                     .shared_width = width * config.dimension("num_shared_experts", 1),
                     .shared_gate = false};
  mixture.shared_bias = config.flag("mlp_bias", false);
  mixture.routing.sum_epsilon = 1e-20;
  mixture.routing.in_float32 = true;
  mixture.routing.scale = config.positive("router_scaling_factor", 2.826);
  mixture.routing.correction = {"expert_bias", "e_score_correction_bias"};
  const bool converted = layer.tensors().has("mlp.gate.weight");
  mixture.router = converted ? "gate" : "router";
  if (!converted) mixture.router_projection = "gate";
  mixture.shared = layer.tensors().has_any("mlp.shared_experts.") ? "shared_experts" : "shared_mlp";
  return mixture;
}

}  // namespace

ModelSpec decompose_hy3(const Model& model) {
  const auto config = ConfigReader::of(model);
  const auto dims = read_stack_dims(config, kDefaults);
  const auto norm = rms(config.positive("rms_norm_eps", 1e-5));
  const auto activation = config.text("hidden_act", "silu");
  const bool bias = config.flag("attention_bias", false), mlp_bias = config.flag("mlp_bias", false);
  StackBuilder text(
      model, {.family = "hunyuan", .base_class = "HYV3Model", .predicts_further = true, .all_modules = true}, dims);
  const auto sparse = read_sparse_list(config, dims.layers, /*first=*/1);
  text.embedding("embed_tokens");
  const GqaOptions attention{
      .bias = bias,
      .o_bias = bias,
      .qk_norm = QkNorm{norm},
      .rope = text.rotary(read_rope(config, dims, {.theta = 11158840, .partial_rotary_factor = {}}))};
  for (auto& layer : text.layers()) {
    layer.stage({.norm = layer.norm("input_layernorm", norm), .op = gqa(layer, "self_attn", attention)});
    const bool is_sparse = sparse[static_cast<std::size_t>(layer.index())];
    layer.stage({.norm = layer.norm("post_attention_layernorm", norm),
                 .op = is_sparse ? moe(layer, "mlp", read_mixture(layer, config, activation))
                                 : gated_mlp(layer, "mlp", {activation, mlp_bias})});
  }
  text.final_norm("norm", norm);
  text.output_head({.tied = read_tie(config, false)});
  return text.finish();
}
