// transformers: modeling_mistral4.py, configuration_mistral4.py.
#include "mistral4.hpp"

#include <fmt/format.h>

#include "query_scale.hpp"

using namespace garage;
using namespace garage::sdk;

namespace {

// Mistral4Config.
constexpr StackDims kDefaults = {4096, 36, 32, 32, 0, 12288, 131072, 1048576};
constexpr LatentDims kLatent = {.q_rank = 1024, .kv_rank = 256, .nope_dim = 64, .rope_dim = 64, .v_dim = 128};

struct Positions {
  Rope rope;
  QueryScale query_scale;
};

// A rope turns by a table of so many dimensions as the config's head_dim and partial_rotary_factor say, which are its
// own even where the heads' parts say otherwise: a table of two dimensions has one frequency, for all pairs.
Rope read_table(const ConfigReader& config, const ConfigReader& given, const StackDims& stack, const LatentDims& dims) {
  const auto head_dim = config.dimension("head_dim", dims.qk_dim());
  RopeDefaults defaults;
  if (given.text(given.spelling({"rope_type", "type"}), "default") == "default") defaults.partial_rotary_factor.reset();
  else defaults.partial_rotary_factor = static_cast<double>(dims.rope_dim) / static_cast<double>(dims.qk_dim());
  auto rope = read_rope(config, head_dim, stack.max_positions, defaults);
  if (rope.dims == dims.rope_dim) return rope;
  if (rope.dims != 2)
    config.refuse("head_dim",
                  fmt::format("such that partial_rotary_factor of it is qk_rope_head_dim, {}", dims.rope_dim));
  rope.dims = dims.rope_dim;
  rope.one_speed = true;
  return rope;
}

Positions read_positions(const ConfigReader& config, const StackDims& stack, const LatentDims& dims) {
  const auto given = rope_section(config);
  Positions positions{default_yarn(1e4, dims.rope_dim, 128, 8192), {.beta = 0.1, .step = 8192}};
  if (!given.members().empty()) {
    positions.rope = read_table(config, given, stack, dims);
    positions.query_scale = read_query_scale(given, positions.rope);
  }
  if (config.flag("rope_interleave", true)) positions.rope.pairing = RopePairing::interleaved;
  return positions;
}

// Mistral4MoE.route_tokens_to_experts: groups are measured by their best two.
RouterGroups read_groups(const ConfigReader& config, std::int64_t experts, std::int64_t top_k) {
  const RouterGroups groups{
      .count = config.dimension("n_group", 1), .kept = config.dimension("topk_group", 1), .best = 2};
  const auto size = experts / groups.count;
  if (experts % groups.count != 0 || size < groups.best)
    config.refuse("n_group", fmt::format("such that {} experts make groups of at least 2", experts));
  if (groups.kept > groups.count) config.refuse("topk_group", "at most n_group");
  if (top_k > groups.kept * size)
    config.refuse("num_experts_per_tok", fmt::format("at most the {} of topk_group groups", groups.kept * size));
  return groups;
}

MoeOptions read_mixture(const ConfigReader& config, const std::string& activation) {
  const auto width = config.dimension("moe_intermediate_size", 2048);
  MoeOptions mixture{.activation = activation,
                     .experts = config.dimension(config.spelling({"n_routed_experts", "num_local_experts"}), 128),
                     .top_k = config.dimension("num_experts_per_tok", 4),
                     .width = width,
                     .routing = softmax_routing(config.flag("norm_topk_prob", true)),
                     .shared_width = width * config.dimension("n_shared_experts", 1)};
  mixture.routing.keeps_dtype = true;
  mixture.shared = "shared_experts";
  mixture.shared_gate = false;
  const auto groups = read_groups(config, mixture.experts, mixture.top_k);
  if (groups.count > 1) mixture.routing.groups = groups;
  const auto scale = config.positive("routed_scaling_factor", 1);
  if (scale != 1) mixture.routing.scale = scale;
  return mixture;
}

}  // namespace

StackDims read_mistral4_dims(const ConfigReader& config) {
  auto dims = read_stack_dims(config, kDefaults);
  dims.kv_heads = dims.heads;  // num_key_value_heads says nothing: each head has keys of its own
  return dims;
}

void add_mistral4(StackBuilder& text, const ConfigReader& config, bool tied) {
  const auto norm = rms(config.positive("rms_norm_eps", 1e-6));
  const auto activation = config.text("hidden_act", "silu");
  const auto first_mixture = config.count("first_k_dense_replace", 0);
  const auto mixture = read_mixture(config, activation);
  const auto latent = read_latent_dims(config, kLatent);
  if (config.dimension("qk_head_dim", latent.qk_dim()) != latent.qk_dim())
    config.refuse("qk_head_dim", fmt::format("{}, qk_nope_head_dim and qk_rope_head_dim together", latent.qk_dim()));
  const auto [rope, query_scale] = read_positions(config, text.dims(), latent);
  const LatentOptions attention{.dims = latent,
                                .norm = rms(1e-6),  // whatever the config says
                                .bias = config.flag("attention_bias", false),
                                .rope = rope,
                                .query_scale = query_scale};
  text.embedding("embed_tokens");
  text.rotary(rope);
  for (auto& layer : text.layers()) {
    layer.stage({.norm = layer.norm("input_layernorm", norm), .op = latent_attention(layer, "self_attn", attention)});
    const bool dense = layer.index() < first_mixture;
    layer.stage({.norm = layer.norm("post_attention_layernorm", norm),
                 .op = dense ? gated_mlp(layer, "mlp", {activation}) : moe(layer, "mlp", mixture)});
  }
  text.final_norm("norm", norm);
  text.output_head({.tied = tied});
}
