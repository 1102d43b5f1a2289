// Rotary embeddings as configs spell them: transformers 4 (`rope_theta`, `rope_scaling`) and 5 (`rope_parameters`).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <garage/blueprint.hpp>
#include <garage/sdk/config_reader.hpp>
#include <garage/sdk/stack_config.hpp>

namespace garage::sdk {

// What a family's config class says where the config says nothing.
struct RopeDefaults {
  double theta = 10000;
  std::string_view theta_key = "rope_theta";  // at the config's top
  // Null: the class turns all dimensions, whatever the config says.
  std::optional<double> partial_rotary_factor = 1;
  // Which of several: rope_parameters holds one object a layer type (Gemma 3), and rope_scaling is of full_attention.
  std::string_view layer_type = {};
  // What the class has for the config's own original_max_position_embeddings, so that the rope's never counts (Phi-3).
  std::optional<std::int64_t> original_max_positions = {};
  bool longrope_alone = false;  // it knows no other scaling; su and yarn are its old names (Phi-3)
  // A head turns by as many dimensions as the class's table is wide, two for each frequency: a share of one is a pair.
  bool turns_by_table = false;
  // The class's "mrope" is a default rope: a position has three numbers, which are one where there are no pictures.
  bool has_sections = false;
  bool knows_proportional = false;  // of all pairs of a head the first turn: partial_rotary_factor's share (Gemma 4)
  bool has_mscales = false;     // short_mscale and long_mscale stand for the attention factor (PhiMoE)
};

// How many of a head's dimensions turn where a config gives their share. Nothing unless that is an even number of them.
std::optional<std::int64_t> turned_dims(std::int64_t head_dim, double share);

// The rope that the config describes, for heads of head_dim dimensions, as transformers' modeling_rope_utils resolves
// it (version 5.12). A rope_scaling that says something takes the place of rope_parameters. theta comes from that
// object, else from the config's top, else it is the class's. For llama3, yarn and longrope
// original_max_position_embeddings comes from the config's top, else from the object, else it is max_positions. Throws
// kCorrupt (a constant is missing or senseless), kUnsupported (a rope_type that nobody here knows; a share of the
// dimensions that the class cannot turn, or that is said twice).
Rope read_rope(const ConfigReader& config, std::int64_t head_dim, std::int64_t max_positions,
               RopeDefaults defaults = {});
Rope read_rope(const ConfigReader& config, const StackDims& dims, RopeDefaults defaults = {});

// Of most classes: whatever the config says, a head turns as a whole.
inline constexpr RopeDefaults kWholeHeads = {.partial_rotary_factor = {}};

}  // namespace garage::sdk
