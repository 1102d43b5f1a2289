#include <garage/sdk/window_config.hpp>

#include <garage/sdk/layer_types.hpp>

namespace garage::sdk {
namespace {

std::optional<std::int64_t> read_window(const ConfigReader& config, const WindowDefaults& defaults) {
  if (defaults.asks_use && !config.flag("use_sliding_window", false)) return std::nullopt;
  if (config.is_null("sliding_window")) return std::nullopt;
  const auto window = config.maybe_dimension("sliding_window");
  return window ? window : defaults.window;
}

}  // namespace

WindowRule every_layer() {
  return [](std::int64_t) { return true; };
}

WindowRule every_other_layer() {
  return [](std::int64_t layer) { return layer % 2 == 0; };
}

WindowRule all_but_every_nth_layer(const ConfigReader& config, std::int64_t otherwise) {
  return
      [n = config.dimension("sliding_window_pattern", otherwise)](std::int64_t layer) { return (layer + 1) % n != 0; };
}

WindowRule layers_from(const ConfigReader& config, std::int64_t otherwise) {
  return [first = config.count("max_window_layers", otherwise)](std::int64_t layer) { return layer >= first; };
}

WindowRule every_other_layer_below(const ConfigReader& config, std::int64_t otherwise) {
  return [end = config.count("max_window_layers", otherwise)](std::int64_t layer) {
    return layer % 2 == 0 && layer < end;
  };
}

LayerWindows read_windows(const ConfigReader& config, std::int64_t layers, const WindowDefaults& defaults) {
  LayerWindows read{read_window(config, defaults), {}};
  if (defaults.reads_layer_types && config.has("layer_types")) {
    for (const auto& type : read_layer_types(config, layers, {"full_attention", "sliding_attention"}))
      read.slides.push_back(type == "sliding_attention");
    return read;
  }
  for (std::int64_t i = 0; i < layers; ++i) read.slides.push_back(defaults.slides(i));
  return read;
}

}  // namespace garage::sdk
