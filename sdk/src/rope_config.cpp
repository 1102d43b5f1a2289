#include <garage/sdk/rope_config.hpp>

#include <cmath>

#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage::sdk {
namespace {

// `rope_parameters` (5), or `rope_scaling` (4).
std::optional<ConfigReader> rope_object(const ConfigReader& config, std::string_view layer_type) {
  const auto parameters = config.maybe_object("rope_parameters");
  if (!parameters) return config.maybe_object("rope_scaling");
  if (!layer_type.empty() && parameters->has(layer_type)) return parameters->maybe_object(layer_type);
  return parameters;
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

// _compute_dynamic_ntk_parameters: theta grows once a sequence is longer than max_position_embeddings, whatever
// original_max_position_embeddings says
RopeScaling dynamic(const ConfigReader& rope, std::int64_t max_positions) {
  RopeScaling scaling{.kind = RopeScalingKind::dynamic};
  scaling.factor = required(rope, "factor");
  scaling.original_max_position_embeddings = max_positions;
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

// _compute_longrope_parameters (arXiv:2402.13753); PhiMoE's modeling_phimoe.py has mscales in the attention factor's
// place.
RopeScaling longrope(const ConfigReader& config, const ConfigReader& rope, std::int64_t max_positions,
                     std::int64_t dims) {
  RopeScaling scaling{.kind = RopeScalingKind::longrope};
  const auto factors = [&](std::string_view key) {
    auto list = rope.numbers(key);
    if (static_cast<std::int64_t>(list.size()) != dims / 2)
      rope.refuse(key, fmt::format("a list of {} numbers, one for every two dimensions that turn", dims / 2));
    return list;
  };
  scaling.short_factor = factors("short_factor");
  scaling.long_factor = factors("long_factor");
  const auto original = rope.dimension("original_max_position_embeddings",
                                       config.dimension("original_max_position_embeddings", max_positions));
  scaling.original_max_position_embeddings = original;
  scaling.factor = static_cast<double>(max_positions) / static_cast<double>(original);
  scaling.short_mscale = rope.maybe_number("short_mscale");
  scaling.long_mscale = rope.maybe_number("long_mscale");
  if (!scaling.short_mscale || !scaling.long_mscale)
    scaling.attention_factor = rope.positive(
        "attention_factor",
        *scaling.factor <= 1 ? 1 : std::sqrt(1 + std::log(*scaling.factor) / std::log(static_cast<double>(original))));
  return scaling;
}

RopeScaling read_scaling(const ConfigReader& config, const ConfigReader& rope, std::int64_t max_positions,
                         std::int64_t dims, bool yarn_means_longrope) {
  const auto key = rope.spelling({"rope_type", "type"});
  const auto type = rope.text(key, "default");
  if (type == "default") return {};
  if (type == "linear") return linear(rope);
  if (type == "dynamic") return dynamic(rope, max_positions);
  if (type == "llama3") return llama3(rope, max_positions);
  if (type == "longrope" || type == "su" || (type == "yarn" && yarn_means_longrope))
    return longrope(config, rope, max_positions, dims);
  if (type == "yarn") return yarn(rope, max_positions);
  throw Error(Errc::kUnsupported, fmt::format("{}: {} '{}' is none that this plugin knows (default, linear, dynamic, "
                                              "llama3, yarn, longrope)",
                                              rope.path(), key, type));
}

}  // namespace

std::optional<std::int64_t> turned_dims(std::int64_t head_dim, double share) {
  const auto dims = std::floor(static_cast<double>(head_dim) * share);
  if (!(dims >= 2 && dims <= static_cast<double>(head_dim))) return std::nullopt;
  const auto whole = static_cast<std::int64_t>(dims);
  return whole % 2 == 0 ? std::optional(whole) : std::nullopt;
}

Rope read_rope(const ConfigReader& config, std::int64_t head_dim, std::int64_t max_positions, RopeDefaults defaults) {
  const auto rope = rope_object(config, defaults.layer_type);
  // What the rope's own object says comes before the config's top level: RotaryEmbeddingConfigMixin.
  const auto number = [&](std::string_view key, double otherwise) {
    const auto top = config.positive(key, otherwise);
    return rope ? rope->positive(key, top) : top;
  };
  Rope made;
  made.theta = number("rope_theta", defaults.theta);
  const auto share = number("partial_rotary_factor", defaults.partial_rotary_factor);
  const auto turned = turned_dims(head_dim, share);
  if (!turned)
    throw Error(Errc::kCorrupt,
                fmt::format("{}: the rope turns {} of {} dimensions of a head (partial_rotary_factor {}), "
                            "should be an even number of them",
                            config.path(), std::floor(static_cast<double>(head_dim) * share), head_dim, share));
  made.dims = *turned;
  if (rope) made.scaling = read_scaling(config, *rope, max_positions, made.dims, defaults.yarn_means_longrope);
  return made;
}

}  // namespace garage::sdk
