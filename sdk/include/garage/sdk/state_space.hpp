// State spaces (Mamba and Mamba 2), as blocks of a layer. Modules are transformers': in_proj, conv1d, out_proj, A_log, D.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <garage/sdk/layer_builder.hpp>

namespace garage::sdk {

struct ChannelStateSpaceOptions {
  std::int64_t channels = 0;  // expand * hidden
  std::int64_t state = 0;     // numbers that a channel remembers
  std::int64_t step_rank = 0; // dimensions that a step comes through
  std::int64_t kernel = 0;    // positions that the convolution sees
  std::string activation = "silu";
  bool convolution_bias = true;
  bool bias = false;  // of in_proj and out_proj
  std::optional<NamedNorm> dt_norm = {}, b_norm = {}, c_norm = {};  // Jamba's; Falcon-Mamba's have no weight
};

// Mamba's mixer, part mixer_<i>: x_proj and dt_proj beside the above.
Part channel_state_space(LayerBuilder& layer, const std::string& module, const ChannelStateSpaceOptions& options);

struct HeadStateSpaceOptions {
  std::int64_t heads = 0, head_dim = 0;
  std::int64_t groups = 1;  // of heads that share b and c
  std::int64_t state = 0;   // numbers that each dimension of a head remembers
  std::int64_t kernel = 0;
  std::string activation = "silu";
  bool convolution_bias = true;
  bool bias = false, o_bias = false;  // of in_proj; of out_proj
  std::optional<NamedNorm> norm = {};  // of what is gated
  std::int64_t norm_groups = 1;        // that are normed by themselves
  bool norm_before_gate = false;
  std::optional<double> dt_min = {}, dt_max = {};  // null: no bound
  std::optional<double> input_scale = {};
  std::vector<double> segment_scales = {};  // of gate, x, b, c, dt
};

// Mamba 2's mixer, part mixer_<i>: dt_bias beside the above. Throws kCorrupt when the heads cannot share the groups
// evenly.
Part head_state_space(LayerBuilder& layer, const std::string& module, const HeadStateSpaceOptions& options);

}  // namespace garage::sdk
