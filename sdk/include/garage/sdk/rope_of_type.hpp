// Ropes of classes whose rope_parameters hold one for each type of layer, and nothing else (Mellum, Laguna).
#pragma once

#include <string_view>

#include <garage/sdk/rope_config.hpp>

namespace garage::sdk {

// The rope of layers of that type, "full_attention"; of_class: where the config has no rope_parameters, when keys at
// its top do not count either. These classes' convert_rope_params_to_dict does nothing: there is no default for what is
// missing in one of the config's own. Throws kCorrupt for that, kUnsupported for keys of other classes.
inline Rope read_rope_of_type(const ConfigReader& config, const StackDims& dims, std::string_view type,
                              RopeDefaults of_class) {
  for (const auto* key : {"rope_scaling", "partial_rotary_factor"})
    if (config.has(key)) config.unsupported(key, "what its class does not read");
  of_class.theta_key = "";
  of_class.layer_type = type;
  if (!config.has("rope_parameters")) return read_rope(config, dims, of_class);
  const auto ropes = config.section("rope_parameters"), own = ropes.section(type);
  if (!ropes.has(type)) ropes.refuse(type, "an object: there are layers of this type");
  if (!own.has("rope_theta")) own.refuse("rope_theta", "a number above 0");
  return read_rope(config, dims, {.layer_type = type});
}

}  // namespace garage::sdk
