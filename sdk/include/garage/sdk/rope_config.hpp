// Rotary embeddings as configs spell them: transformers 4 (`rope_theta`, `rope_scaling`) and 5 (`rope_parameters`).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <garage/blueprint.hpp>
#include <garage/sdk/config_reader.hpp>

namespace garage::sdk {

// What a family's config class says where the config says nothing.
struct RopeDefaults {
  double theta = 10000;
  double partial_rotary_factor = 1;
  std::string_view layer_type = {};  // which of several: rope_parameters may hold one object a layer type (Gemma 3)
  bool yarn_means_longrope = false;  // as Phi-3's first configs had it
};

// How many of a head's dimensions turn where a config gives their share. Nothing unless that is an even number of them.
std::optional<std::int64_t> turned_dims(std::int64_t head_dim, double share);

// The rope that the config describes, for heads of head_dim dimensions. What the scaling leaves out is resolved as
// transformers' modeling_rope_utils does (version 5.12), from max_positions where it must.
// Throws kCorrupt (a constant is missing or senseless), kUnsupported (a rope_type that nobody here knows).
Rope read_rope(const ConfigReader& config, std::int64_t head_dim, std::int64_t max_positions,
               RopeDefaults defaults = {});

}  // namespace garage::sdk
