// Sliding windows as configs spell them: which layers look back how far.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include <garage/sdk/config_reader.hpp>

namespace garage::sdk {

// Which layers see a window only, where the config has no layer_types.
using WindowRule = std::function<bool(std::int64_t layer)>;

WindowRule every_layer();
WindowRule every_other_layer();                                                          // the first does (Gemma 2)
WindowRule all_but_every_nth_layer(const ConfigReader& config, std::int64_t otherwise);  // sliding_window_pattern
WindowRule layers_from(const ConfigReader& config, std::int64_t otherwise);              // max_window_layers
WindowRule every_other_layer_below(const ConfigReader& config, std::int64_t otherwise);  // max_window_layers

// What a family's config class says where the config says nothing.
struct WindowDefaults {
  std::optional<std::int64_t> window = {};  // sliding_window where the key is absent; null there means none
  WindowRule slides = every_layer();
  bool reads_layer_types = true;  // the class knows the key
  bool asks_use = false;          // only with use_sliding_window, which is false by default
};

struct LayerWindows {
  std::optional<std::int64_t> window;  // positions that a token sees, itself included
  std::vector<bool> slides;            // of each layer

  bool slides_at(std::int64_t layer) const { return slides[static_cast<std::size_t>(layer)]; }
  std::optional<std::int64_t> at(std::int64_t layer) const { return slides_at(layer) ? window : std::nullopt; }
};

// Throws kCorrupt when layer_types has not as many entries as there are layers, kUnsupported for a type that is neither
// full nor sliding.
LayerWindows read_windows(const ConfigReader& config, std::int64_t layers, const WindowDefaults& defaults = {});

}  // namespace garage::sdk
