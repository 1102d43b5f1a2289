// transformers: modeling_minimax_m2.py, configuration_minimax_m2.py.
#include "minimax_m2.hpp"

#include <fmt/format.h>

using namespace garage;
using namespace garage::sdk;

namespace {

// MiniMaxM2Config.
constexpr StackDims kDefaults = {3072, 62, 48, 8, 128, 1536, 200064, 196608};

MoeOptions read_mixture(const ConfigReader& config, const StackDims& dims) {
  MoeOptions mixture{.activation = config.text("hidden_act", "silu"),
                     .experts = config.dimension_of({"num_local_experts", "num_experts"}, 256),
                     .top_k = config.dimension("num_experts_per_tok", 8),
                     .width = dims.intermediate,
                     .routing = {.scoring = Scoring::sigmoid, .renormalise = true}};
  mixture.routing.correction = {"e_score_correction_bias"};
  return mixture;
}

}  // namespace

void check_rotary_dim(const ConfigReader& config, const Rope& rope) {
  if (config.dimension("rotary_dim", rope.dims) != rope.dims)
    config.unsupported("rotary_dim",
                       fmt::format("a rope of so many dimensions, which the class does not read (it turns {}; "
                                   "partial_rotary_factor in rope_parameters says it)",
                                   rope.dims));
}

ModelSpec decompose_minimax_m2(const Model& model) {
  const auto config = ConfigReader::of(model);
  const auto dims = read_stack_dims(config, kDefaults);
  const auto norm = rms(config.positive("rms_norm_eps", 1e-6));
  const auto mixture = read_mixture(config, dims);
  const auto rope = read_rope(config, dims, {.theta = 5e6});
  check_rotary_dim(config, rope);
  StackBuilder text(model, {.family = "minimax", .base_class = "MiniMaxM2Model", .all_modules = true}, dims);
  text.embedding("embed_tokens");
  const GqaOptions attention{.qk_norm = QkNorm{.style = norm, .over_all_heads = true}, .rope = text.rotary(rope)};
  for (auto& layer : text.layers()) {
    layer.stage({.norm = layer.norm("input_layernorm", norm), .op = gqa(layer, "self_attn", attention)});
    layer.stage({.norm = layer.norm("post_attention_layernorm", norm), .op = moe(layer, "mlp", mixture)});
  }
  text.final_norm("norm", norm);
  text.output_head({.tied = read_tie(config, false)});
  return text.finish();
}
