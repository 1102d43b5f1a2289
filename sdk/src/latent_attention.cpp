#include <garage/sdk/latent_attention.hpp>

#include <cmath>

#include <garage/sdk/latent_config.hpp>

namespace garage::sdk {
namespace {

Projection queries(const Tensors& tensors, std::int64_t hidden, std::int64_t rows, const LatentOptions& options) {
  if (!options.dims.q_rank) return tensors.linear("q_proj", hidden, rows, false);
  const auto rank = *options.dims.q_rank;
  return LowRank{.down = tensors.linear("q_a_proj", hidden, rank, options.bias),
                 .norm = tensors.norm("q_a_layernorm", rank, options.norm),
                 .up = tensors.linear("q_b_proj", rank, rows, false)};
}

}  // namespace

LatentDims read_latent_dims(const ConfigReader& config, const LatentDims& defaults) {
  LatentDims dims;
  dims.q_rank = config.is_null("q_lora_rank") ? std::nullopt : config.maybe_dimension("q_lora_rank");
  if (!dims.q_rank && !config.is_null("q_lora_rank")) dims.q_rank = defaults.q_rank;
  dims.kv_rank = config.dimension("kv_lora_rank", defaults.kv_rank);
  dims.nope_dim = config.dimension("qk_nope_head_dim", defaults.nope_dim);
  dims.rope_dim = config.dimension("qk_rope_head_dim", defaults.rope_dim);
  dims.v_dim = config.dimension("v_head_dim", defaults.v_dim);
  return dims;
}

Attention latent_blueprint(const LayerBuilder& layer, const std::string& module, const LatentOptions& options) {
  const auto& dims = options.dims;
  const auto hidden = layer.dims().hidden, heads = layer.dims().heads;
  const auto tensors = layer.tensors().of(module);
  Attention made{.heads = heads, .kv_heads = heads, .qk_dim = dims.qk_dim(), .v_dim = dims.v_dim};
  made.scale = options.scale.value_or(1 / std::sqrt(static_cast<double>(dims.qk_dim())));
  made.q = queries(tensors, hidden, heads * dims.qk_dim(), options);
  made.latent = Latent{.shared_dim = dims.rope_dim,
                       .down = tensors.linear("kv_a_proj_with_mqa", hidden, dims.kv_rank + dims.rope_dim, options.bias),
                       .norm = tensors.norm("kv_a_layernorm", dims.kv_rank, options.norm),
                       .up = tensors.linear("kv_b_proj", dims.kv_rank, heads * (dims.nope_dim + dims.v_dim), false),
                       .scale = options.latent_scale};
  made.o = tensors.linear("o_proj", heads * dims.v_dim, hidden, options.bias);
  auto rope = options.rope;
  rope.first = dims.nope_dim;
  made.position = rope;
  made.query_scale = options.query_scale;
  return made;
}

Part latent_attention(LayerBuilder& layer, const std::string& module, const LatentOptions& options) {
  return layer.attention(module, latent_blueprint(layer, module, options));
}

}  // namespace garage::sdk
