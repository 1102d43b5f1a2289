#include <garage/sdk/rope_config.hpp>

#include <cmath>

#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage::sdk {
namespace {

// `rope_parameters` (5), or `rope_scaling` (4); a null or empty one is none.
std::optional<ConfigReader> rope_object(const ConfigReader& config) {
  if (auto parameters = config.maybe_object("rope_parameters")) return parameters;
  return config.maybe_object("rope_scaling");
}

double required(const ConfigReader& rope, std::string_view key) {
  const auto value = rope.maybe_number(key);
  if (!value || *value <= 0) rope.refuse(key, "a number above 0");
  return *value;
}

// _compute_linear_scaling_rope_parameters: inv_freq / factor
RopeScaling linear(const ConfigReader& rope) {
  RopeScaling scaling{.kind = RopeScalingKind::linear};
  scaling.factor = required(rope, "factor");
  return scaling;
}

// _compute_dynamic_ntk_parameters: theta grows once a sequence is longer than this
RopeScaling dynamic(const ConfigReader& rope, std::int64_t max_positions) {
  RopeScaling scaling{.kind = RopeScalingKind::dynamic};
  scaling.factor = required(rope, "factor");
  scaling.original_max_position_embeddings = rope.dimension("original_max_position_embeddings", max_positions);
  return scaling;
}

// _compute_llama3_parameters
RopeScaling llama3(const ConfigReader& rope, std::int64_t max_positions) {
  RopeScaling scaling{.kind = RopeScalingKind::llama3};
  scaling.factor = required(rope, "factor");
  scaling.low_freq_factor = required(rope, "low_freq_factor");
  scaling.high_freq_factor = required(rope, "high_freq_factor");
  if (*scaling.low_freq_factor >= *scaling.high_freq_factor)
    rope.refuse("low_freq_factor", fmt::format("less than high_freq_factor, {}", *scaling.high_freq_factor));
  scaling.original_max_position_embeddings = rope.dimension("original_max_position_embeddings", max_positions);
  return scaling;
}

// _compute_yarn_parameters (arXiv:2309.00071): get_mscale(s, m) = 0.1 m ln(s) + 1
RopeScaling yarn(const ConfigReader& rope, std::int64_t max_positions) {
  RopeScaling scaling{.kind = RopeScalingKind::yarn};
  const auto original = rope.dimension("original_max_position_embeddings", max_positions);
  const auto factor = rope.positive("factor", static_cast<double>(max_positions) / static_cast<double>(original));
  const auto mscale = [&](double m) { return factor <= 1 ? 1.0 : 0.1 * m * std::log(factor) + 1.0; };
  const auto m = rope.maybe_number("mscale").value_or(0), m_all = rope.maybe_number("mscale_all_dim").value_or(0);
  scaling.factor = factor;
  scaling.original_max_position_embeddings = original;
  scaling.attention_factor =
      rope.positive("attention_factor", m != 0 && m_all != 0 ? mscale(m) / mscale(m_all) : mscale(1));
  scaling.beta_fast = rope.positive("beta_fast", 32);
  scaling.beta_slow = rope.positive("beta_slow", 1);
  scaling.truncate = rope.flag("truncate", true);
  return scaling;
}

RopeScaling read_scaling(const ConfigReader& rope, std::int64_t max_positions) {
  const auto key = rope.spelling({"rope_type", "type"});
  const auto type = rope.text(key, "default");
  if (type == "default") return {};
  if (type == "linear") return linear(rope);
  if (type == "dynamic") return dynamic(rope, max_positions);
  if (type == "llama3") return llama3(rope, max_positions);
  if (type == "yarn") return yarn(rope, max_positions);
  throw Error(Errc::kUnsupported,
              fmt::format("{}: {} '{}' is none that this plugin knows (default, linear, dynamic, llama3, yarn)",
                          rope.path(), key, type));
}

}  // namespace

Rope read_rope(const ConfigReader& config, std::int64_t head_dim, std::int64_t max_positions, RopeDefaults defaults) {
  const auto rope = rope_object(config);
  // What the rope's own object says comes before the config's top level: RotaryEmbeddingConfigMixin.
  const auto number = [&](std::string_view key, double otherwise) {
    const auto top = config.positive(key, otherwise);
    return rope ? rope->positive(key, top) : top;
  };
  Rope made;
  made.theta = number("rope_theta", defaults.theta);
  const auto share = number("partial_rotary_factor", defaults.partial_rotary_factor);
  made.dims = static_cast<std::int64_t>(static_cast<double>(head_dim) * share);
  if (made.dims < 2 || made.dims % 2 != 0 || made.dims > head_dim)
    throw Error(Errc::kCorrupt,
                fmt::format("{}: the rope turns {} of {} dimensions of a head (partial_rotary_factor {}), "
                            "should be an even number of them",
                            config.path(), made.dims, head_dim, share));
  if (rope) made.scaling = read_scaling(*rope, max_positions);
  return made;
}

}  // namespace garage::sdk
