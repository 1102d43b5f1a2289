// Dense feed-forwards, as blocks of a layer. Each is part ffn_<i>.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <garage/sdk/layer_builder.hpp>

namespace garage::sdk {

struct GatedMlpOptions {
  std::string activation;  // transformers' name: "silu"
  bool bias = false;
  std::string gate = "gate_proj", up = "up_proj", down = "down_proj";  // modules below the feed-forward's
  std::int64_t width = 0;                                              // 0: the stack's intermediate size
  std::optional<NamedNorm> down_norm = {};                 // of what down is given
  std::optional<double> gate_scale = {}, output_scale = {};  // of what is activated; of what down gives
};

// down(activation(gate(x)) * up(x))
Part gated_mlp(LayerBuilder& layer, const std::string& module, const GatedMlpOptions& options);

struct FusedGatedMlpOptions {
  std::string activation;
  bool bias = false;
  std::string gate_up = "gate_up_proj", down = "down_proj";  // the first rows are the gate's
  std::int64_t width = 0;
  std::optional<NamedNorm> down_norm = {};
  std::optional<double> gate_scale = {}, output_scale = {};
};

Part fused_gated_mlp(LayerBuilder& layer, const std::string& module, const FusedGatedMlpOptions& options);

struct PlainMlpOptions {
  std::string activation;
  std::string up = "fc1", down = "fc2";
  bool bias = true;
  std::int64_t width = 0;
  std::optional<NamedNorm> down_norm = {};
};

// down(activation(up(x)))
Part plain_mlp(LayerBuilder& layer, const std::string& module, const PlainMlpOptions& options);

}  // namespace garage::sdk
