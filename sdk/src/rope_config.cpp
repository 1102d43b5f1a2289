#include <garage/sdk/rope_config.hpp>

#include <cmath>
#include <utility>

#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage::sdk {
namespace {

constexpr std::string_view kShare = "partial_rotary_factor", kOriginal = "original_max_position_embeddings";

// What a config says of one rope.
struct RopeText {
  boost::json::object members;
  std::string path;
};

// RotaryEmbeddingConfigMixin.convert_rope_params_to_dict
RopeText rope_text(const ConfigReader& config) {
  for (const auto* key : {"rope_scaling", "rope_parameters"})
    if (const auto object = config.maybe_object(key); object && !object->members().empty())
      return {object->members(), object->path()};
  return {{}, config.path()};
}

// Gemma3TextConfig.convert_rope_params_to_dict
RopeText rope_text(const ConfigReader& config, std::string_view layer_type) {
  RopeText text{{{"rope_type", "default"}}, config.path()};
  const auto parameters = config.maybe_object("rope_parameters");
  const auto of_type = parameters ? parameters->maybe_object(layer_type) : std::nullopt;
  if (of_type) text = {of_type->members(), of_type->path()};
  const auto scaling = layer_type == "full_attention" ? config.maybe_object("rope_scaling") : std::nullopt;
  if (!scaling) return text;
  if (parameters && !of_type) parameters->refuse(layer_type, "an object, over which rope_scaling is laid");
  for (const auto& member : scaling->members()) text.members[member.key()] = member.value();
  text.path = scaling->path();
  return text;
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
RopeScaling llama3(const ConfigReader& rope, std::int64_t original) {
  RopeScaling scaling{.kind = RopeScalingKind::llama3};
  scaling.factor = required(rope, "factor");
  scaling.low_freq_factor = required(rope, "low_freq_factor");
  scaling.high_freq_factor = required(rope, "high_freq_factor");
  if (*scaling.low_freq_factor >= *scaling.high_freq_factor)
    rope.refuse("low_freq_factor", fmt::format("less than high_freq_factor, {}", *scaling.high_freq_factor));
  scaling.original_max_position_embeddings = original;
  return scaling;
}

// Absent, null or 0: the default, as Python's `or` has it.
double positive_or(const ConfigReader& rope, std::string_view key, double otherwise) {
  return rope.maybe_number(key).value_or(0) == 0 ? otherwise : rope.positive(key, otherwise);
}

// _compute_yarn_parameters (arXiv:2309.00071): get_mscale(s, m) = 0.1 m ln(s) + 1
RopeScaling yarn(const ConfigReader& rope, std::int64_t max_positions, std::int64_t original) {
  RopeScaling scaling{.kind = RopeScalingKind::yarn};
  const auto factor = rope.is_null("factor") ? static_cast<double>(max_positions) / static_cast<double>(original)
                                             : required(rope, "factor");
  const auto mscale = [&](double m) { return factor <= 1 ? 1.0 : 0.1 * m * std::log(factor) + 1.0; };
  const auto m = rope.maybe_number("mscale").value_or(0), m_all = rope.maybe_number("mscale_all_dim").value_or(0);
  scaling.factor = factor;
  scaling.original_max_position_embeddings = original;
  scaling.attention_factor =
      rope.positive("attention_factor", m != 0 && m_all != 0 ? mscale(m) / mscale(m_all) : mscale(1));
  scaling.beta_fast = positive_or(rope, "beta_fast", 32);
  scaling.beta_slow = positive_or(rope, "beta_slow", 1);
  scaling.truncate = rope.flag("truncate", true);
  return scaling;
}

std::vector<double> longrope_factors(const ConfigReader& rope, std::string_view key, std::int64_t dims) {
  auto list = rope.numbers(key);
  if (static_cast<std::int64_t>(list.size()) != dims / 2)
    rope.refuse(key, fmt::format("a list of {} numbers, one for every two dimensions that turn", dims / 2));
  return list;
}

// _compute_longrope_parameters (arXiv:2402.13753)
RopeScaling longrope(const ConfigReader& rope, std::int64_t max_positions, std::int64_t original, std::int64_t dims) {
  RopeScaling scaling{.kind = RopeScalingKind::longrope};
  scaling.short_factor = longrope_factors(rope, "short_factor", dims);
  scaling.long_factor = longrope_factors(rope, "long_factor", dims);
  scaling.original_max_position_embeddings = original;
  const auto factor = rope.positive("factor", static_cast<double>(max_positions) / static_cast<double>(original));
  scaling.factor = factor;
  scaling.attention_factor = rope.positive(
      "attention_factor",
      factor <= 1 ? 1 : std::sqrt(1 + std::log(factor) / std::log(static_cast<double>(original))));
  return scaling;
}

// PhimoeRotaryEmbedding
RopeScaling with_mscales(const ConfigReader& rope, RopeScaling scaling) {
  scaling.attention_factor.reset();
  scaling.short_mscale = required(rope, "short_mscale");
  scaling.long_mscale = required(rope, "long_mscale");
  return scaling;
}

// standardize_rope_params: the config's own counts before the rope's, but where there is a rope a layer type. PhiMoE's
// class puts the rope's in its place.
std::int64_t original_positions(const ConfigReader& config, const ConfigReader& rope, std::int64_t max_positions,
                                const RopeDefaults& defaults) {
  if (defaults.layer_type.empty() && !defaults.has_mscales) {
    if (const auto own = config.maybe_dimension(kOriginal)) return *own;
    if (defaults.original_max_positions) return *defaults.original_max_positions;
  }
  return rope.dimension(kOriginal, max_positions);
}

std::string type_of(const ConfigReader& rope, const RopeDefaults& defaults) {
  auto type = rope.text(rope.spelling({"rope_type", "type"}), "default");
  if (defaults.has_sections && type == "mrope") return "default";
  return defaults.longrope_alone && (type == "su" || type == "yarn") ? "longrope" : type;
}

RopeScaling read_scaling(const ConfigReader& config, const ConfigReader& rope, std::int64_t max_positions,
                         std::int64_t dims, const RopeDefaults& defaults) {
  const auto type = type_of(rope, defaults);
  if (type == "default") return {};
  const auto original = [&] { return original_positions(config, rope, max_positions, defaults); };
  if (type == "longrope") {
    auto scaling = longrope(rope, max_positions, original(), dims);
    return defaults.has_mscales ? with_mscales(rope, std::move(scaling)) : scaling;
  }
  const bool longrope_alone = defaults.longrope_alone || defaults.has_mscales;
  if (type == "linear" && !longrope_alone) return linear(rope);
  if (type == "dynamic" && !longrope_alone) return dynamic(rope, max_positions);
  if (type == "llama3" && !longrope_alone) return llama3(rope, original());
  if (type == "yarn" && !longrope_alone) return yarn(rope, max_positions, original());
  throw Error(Errc::kUnsupported,
              fmt::format("{}: {} '{}' is none that this plugin knows ({}{})", rope.path(),
                          rope.spelling({"rope_type", "type"}), type,
                          longrope_alone ? "default, longrope" : "default, linear, dynamic, llama3, yarn, longrope",
                          defaults.knows_proportional ? ", proportional" : ""));
}

// The share of a head's dimensions that turn. The rope's own counts; but the functions of the scaled kinds write the
// config's over it once the modules were made by it, so that transformers itself fails where the two differ.
double turned_share(const ConfigReader& config, const ConfigReader& rope, const RopeDefaults& defaults) {
  const bool is_scaled = type_of(rope, defaults) != "default";
  const auto of_class = defaults.partial_rotary_factor.value_or(1);
  const auto top = config.positive(kShare, of_class), share = rope.positive(kShare, top);
  if (!defaults.partial_rotary_factor && !is_scaled) return 1;
  const bool says_two = share != top && (config.has(kShare) || of_class != 1);
  if (is_scaled && (says_two || (!defaults.partial_rotary_factor && share != 1)))
    throw Error(Errc::kUnsupported,
                fmt::format("{}: {} is {} here, {} in the config, {} in its class: a scaled rope of these is not handled",
                            rope.path(), kShare, share, top, of_class));
  return share;
}

}  // namespace

namespace {

// _compute_proportional_rope_parameters: int(share * head_dim // 2) pairs turn.
Rope proportional(const ConfigReader& rope, double theta, std::int64_t head_dim) {
  Rope made{.theta = theta, .dims = head_dim};
  const auto share = rope.positive(kShare, 1);
  const auto pairs = std::floor(share * static_cast<double>(head_dim) / 2);
  if (head_dim % 2 != 0 || !(pairs >= 1 && pairs <= static_cast<double>(head_dim / 2)))
    throw Error(Errc::kCorrupt, fmt::format("{}: the rope turns {} pairs of {} dimensions of a head ({} {})",
                                            rope.path(), pairs, head_dim, kShare, share));
  made.scaling.kind = RopeScalingKind::proportional;
  made.scaling.turning_pairs = static_cast<std::int64_t>(pairs);
  if (rope.has("factor")) made.scaling.factor = required(rope, "factor");
  return made;
}

}  // namespace

std::optional<std::int64_t> turned_dims(std::int64_t head_dim, double share) {
  const auto dims = std::floor(static_cast<double>(head_dim) * share);
  if (!(dims >= 2 && dims <= static_cast<double>(head_dim))) return std::nullopt;
  const auto whole = static_cast<std::int64_t>(dims);
  return whole % 2 == 0 ? std::optional(whole) : std::nullopt;
}

Rope read_rope(const ConfigReader& config, std::int64_t head_dim, std::int64_t max_positions, RopeDefaults defaults) {
  const auto text = defaults.layer_type.empty() ? rope_text(config) : rope_text(config, defaults.layer_type);
  const ConfigReader rope(text.members, text.path);
  Rope made;
  made.theta = rope.positive("rope_theta", config.positive(defaults.theta_key, defaults.theta));
  if (defaults.knows_proportional && type_of(rope, defaults) == "proportional")
    return proportional(rope, made.theta, head_dim);
  const auto share = turned_share(config, rope, defaults);
  auto turned = turned_dims(head_dim, share);
  if (defaults.turns_by_table && std::floor(static_cast<double>(head_dim) * share) == 1 && head_dim > 1) turned = 2;
  if (!turned)
    throw Error(Errc::kCorrupt,
                fmt::format("{}: the rope turns {} of {} dimensions of a head (partial_rotary_factor {}), "
                            "should be an even number of them",
                            config.path(), std::floor(static_cast<double>(head_dim) * share), head_dim, share));
  made.dims = *turned;
  made.scaling = read_scaling(config, rope, max_positions, made.dims, defaults);
  // _compute_yarn_parameters looks for it where a rope a layer type has none.
  if (made.scaling.truncate && !defaults.layer_type.empty()) made.scaling.truncate = true;
  return made;
}

Rope read_rope(const ConfigReader& config, const StackDims& dims, RopeDefaults defaults) {
  return read_rope(config, dims.head_dim, dims.max_positions, defaults);
}

}  // namespace garage::sdk
