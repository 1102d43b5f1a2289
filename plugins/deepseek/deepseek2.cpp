// transformers: modeling_deepseek_v2.py, configuration_deepseek_v2.py.
#include "deepseek2.hpp"

#include <garage/sdk/grouped_mixture.hpp>
#include <garage/sdk/latent_config.hpp>

using namespace garage;
using namespace garage::sdk;

namespace {

// DeepseekV2Config.
constexpr StackDims kDefaults = {4096, 32, 32, 0, 0, 11008, 32000, 2048};
constexpr LatentDims kLatent = {.q_rank = 1536, .kv_rank = 512, .nope_dim = 128, .rope_dim = 64, .v_dim = 128};

// DeepseekV2Moe.route_tokens_to_experts; norm_topk_prob it does not read. Its branch of groups names num_experts, which
// the class lacks; it is computed as DeepSeek's own code does it: groups are as good as their best.
MoeOptions read_mixture(const ConfigReader& config, const std::string& activation) {
  const auto width = config.dimension("moe_intermediate_size", 1407);
  MoeOptions mixture{.activation = activation,
                     .experts = config.dimension("n_routed_experts", 64),
                     .top_k = config.dimension("num_experts_per_tok"),
                     .width = width,
                     .routing = softmax_routing(false),
                     .shared_width = width * config.dimension("n_shared_experts", 2),
                     .shared_gate = false,
                     .shared = "shared_experts"};
  mixture.routing.in_float32 = true;
  const auto method = config.text("topk_method", "greedy");
  if (method == "group_limited_greedy") {
    const auto groups = read_router_groups(config, {.best = 1}, mixture.experts, mixture.top_k);
    if (groups.count > 1) mixture.routing.groups = groups;
  } else if (method != "greedy") {
    config.unsupported("topk_method", "another choice than 'greedy' and 'group_limited_greedy'");
  }
  if (const auto scale = config.positive("routed_scaling_factor", 1); scale != 1) mixture.routing.scale = scale;
  return mixture;
}

// Complex numbers in transformers: neighbours turn together, in float32.
Rope read_complex_rope(const ConfigReader& config, const LatentDims& latent, const StackDims& dims) {
  auto rope = read_latent_rope(config, latent, dims);
  rope.in_float32 = true;
  return rope;
}

}  // namespace

ModelSpec decompose_deepseek2(const Model& model) {
  const auto config = ConfigReader::of(model);
  const auto dims = read_latent_stack(config, kDefaults);
  const auto latent = read_latent_dims(config, kLatent);
  const auto norm = rms(config.positive("rms_norm_eps", 1e-6));
  const auto activation = config.text("hidden_act", "silu");
  const auto first_sparse = config.count("first_k_dense_replace", 0);
  const bool mlp_bias = config.flag("mlp_bias", false);
  auto mixture = first_sparse < dims.layers ? read_mixture(config, activation) : MoeOptions{};
  mixture.shared_bias = mlp_bias;
  StackBuilder text(model, {.family = "deepseek", .base_class = "DeepseekV2Model", .all_modules = true}, dims);
  text.embedding("embed_tokens");
  // Its scale is the head's alone, whatever the rope's mscale_all_dim says.
  const LatentOptions attention{.dims = latent,
                                .norm = rms(1e-6),
                                .bias = config.flag("attention_bias", false),
                                .rope = text.rotary(read_complex_rope(config, latent, dims))};
  for (auto& layer : text.layers()) {
    layer.stage({.norm = layer.norm("input_layernorm", norm), .op = latent_attention(layer, "self_attn", attention)});
    const bool sparse = layer.index() >= first_sparse;
    layer.stage({.norm = layer.norm("post_attention_layernorm", norm),
                 .op = sparse ? moe(layer, "mlp", mixture) : gated_mlp(layer, "mlp", {activation, mlp_bias})});
  }
  text.final_norm("norm", norm);
  text.output_head({.tied = read_tie(config, false)});
  return text.finish();
}
