#include <garage/sdk/state_space_config.hpp>

#include <cmath>
#include <limits>

#include <garage/json.hpp>

namespace garage::sdk {
namespace {

constexpr const char* kPair = "a pair of numbers, the lesser first";

double bound(const ConfigReader& config, std::string_view key, const boost::json::value& value) {
  constexpr auto kInfinity = std::numeric_limits<double>::infinity();
  if (const auto word = special_float_in(value); word && *word != "NaN") return word->front() == '-' ? -kInfinity : kInfinity;
  if (!value.is_number()) config.refuse(key, kPair);
  return value.to_number<double>();
}

}  // namespace

StepBounds read_step_bounds(const ConfigReader& config, std::string_view key) {
  if (config.is_null(key)) config.refuse(key, kPair);
  if (!config.has(key)) return {};
  const auto& value = config.members().at(key);
  if (!value.is_array() || value.get_array().size() != 2) config.refuse(key, kPair);
  const auto least = bound(config, key, value.get_array()[0]), most = bound(config, key, value.get_array()[1]);
  if (!(least <= most) || !(most > 0)) config.refuse(key, kPair);
  StepBounds bounds;
  if (least > 0) bounds.least = least;  // a softplus is above 0 by itself
  if (std::isfinite(most)) bounds.most = most;
  return bounds;
}

std::int64_t read_step_rank(const ConfigReader& config, std::string_view key, std::int64_t hidden) {
  const bool automatic = !config.has(key) || config.is_text(key);
  if (automatic && config.text(key, "auto") != "auto") config.refuse(key, "a whole number, or auto");
  return automatic ? (hidden + 15) / 16 : config.dimension(key);
}

HeadStateSpaceOptions read_mamba_heads(const ConfigReader& config, std::int64_t inner) {
  HeadStateSpaceOptions space;
  space.heads = config.dimension("mamba_n_heads", 128);
  if (inner % space.heads != 0) config.refuse("mamba_n_heads", "such that it divides mamba_expand * hidden_size");
  space.head_dim = inner / space.heads;
  const bool automatic = !config.has("mamba_d_head") || config.is_text("mamba_d_head");
  if (automatic ? config.text("mamba_d_head", "auto") != "auto" : config.dimension("mamba_d_head") != space.head_dim)
    config.refuse("mamba_d_head", "mamba_expand * hidden_size / mamba_n_heads, or auto");
  space.groups = config.dimension("mamba_n_groups", 1);
  space.state = config.dimension("mamba_d_state", 256);
  space.kernel = config.dimension("mamba_d_conv", 4);
  space.activation = config.text("hidden_act", "silu");
  space.convolution_bias = config.flag("mamba_conv_bias", true);
  space.bias = space.o_bias = config.flag("mamba_proj_bias", false);
  const auto bounds = read_step_bounds(config);
  space.dt_min = bounds.least;
  space.dt_max = bounds.most;
  return space;
}

}  // namespace garage::sdk
