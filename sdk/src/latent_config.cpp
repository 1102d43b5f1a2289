#include <garage/sdk/latent_config.hpp>

#include <cmath>

#include <fmt/format.h>

namespace garage::sdk {
namespace {

// RotaryEmbeddingConfigMixin.convert_rope_params_to_dict
ConfigReader rope_section(const ConfigReader& config) {
  const auto scaling = config.maybe_object("rope_scaling");
  return scaling && !scaling->members().empty() ? *scaling : config.section("rope_parameters");
}

}  // namespace

StackDims read_latent_stack(const ConfigReader& config, const StackDims& defaults) {
  auto members = config.members();
  members["head_dim"] = 1;  // so that heads need not divide hidden_size
  const auto dims = read_stack_dims(ConfigReader(members, config.path()), defaults);
  // transformers repeats keys so that there are as many as heads, and fails where there were as many before.
  if (dims.kv_heads != dims.heads)
    config.refuse("num_key_value_heads", fmt::format("{}, as many as heads: each has keys of its own", dims.heads));
  return dims;
}

void check_qk_head_dim(const ConfigReader& config, const LatentDims& dims) {
  if (config.dimension("qk_head_dim", dims.qk_dim()) != dims.qk_dim())
    config.refuse("qk_head_dim", fmt::format("{}, qk_nope_head_dim and qk_rope_head_dim together", dims.qk_dim()));
}

Rope read_latent_rope(const ConfigReader& config, const LatentDims& dims, const StackDims& stack,
                      RopeDefaults defaults) {
  auto rope = read_rope(config, dims.rope_dim, stack.max_positions, defaults);
  if (rope.dims != dims.rope_dim)
    config.refuse(config.has("rope_parameters") ? "rope_parameters" : "partial_rotary_factor",
                  fmt::format("such that all qk_rope_head_dim, {}, dimensions turn, not {}", dims.rope_dim, rope.dims));
  rope.pairing = RopePairing::interleaved;
  return rope;
}

Rope read_paired_latent_rope(const ConfigReader& config, const LatentDims& dims, const StackDims& stack,
                             RopeDefaults defaults) {
  auto rope = read_latent_rope(config, dims, stack, defaults);
  if (!config.flag("rope_interleave", true)) rope.pairing = RopePairing::half;
  return rope;
}

// yarn_get_mscale of modeling_deepseek_v3.py
double read_latent_scale(const ConfigReader& config, const LatentDims& dims) {
  const auto scale = 1 / std::sqrt(static_cast<double>(dims.qk_dim()));
  const auto rope = rope_section(config);
  if (rope.text(rope.spelling({"rope_type", "type"}), "default") == "default") return scale;
  const auto all_dim = rope.maybe_number("mscale_all_dim").value_or(0);
  if (all_dim == 0) return scale;
  const auto factor = rope.positive("factor");
  const auto mscale = factor <= 1 ? 1 : 0.1 * all_dim * std::log(factor) + 1;
  return scale * mscale * mscale;
}

}  // namespace garage::sdk
