#include <garage/sdk/mlp.hpp>

namespace garage::sdk {
namespace {

std::int64_t width_of(const LayerBuilder& layer, std::int64_t own) { return own > 0 ? own : layer.dims().intermediate; }

// With what options add.
template <class Options>
Part finished(LayerBuilder& layer, const std::string& module, std::int64_t width, const Options& options,
              FeedForward made) {
  if (const auto& norm = options.down_norm)
    made.down_norm = layer.tensors().of(module).norm(norm->module, width, norm->style);
  if constexpr (requires { options.gate_scale; }) {
    made.gate_scale = options.gate_scale;
    made.output_scale = options.output_scale;
  }
  return layer.feed_forward(module, width, std::move(made));
}

}  // namespace

Part gated_mlp(LayerBuilder& layer, const std::string& module, const GatedMlpOptions& options) {
  const auto tensors = layer.tensors().of(module);
  const auto hidden = layer.dims().hidden, width = width_of(layer, options.width);
  return finished(layer, module, width, options,
                  {.activation = options.activation,
                   .gate = tensors.linear(options.gate, hidden, width, options.bias),
                   .up = tensors.linear(options.up, hidden, width, options.bias),
                   .down = tensors.linear(options.down, width, hidden, options.bias)});
}

Part fused_gated_mlp(LayerBuilder& layer, const std::string& module, const FusedGatedMlpOptions& options) {
  const auto tensors = layer.tensors().of(module);
  const auto hidden = layer.dims().hidden, width = width_of(layer, options.width);
  const auto fused = tensors.linear(options.gate_up, hidden, 2 * width, options.bias);
  return finished(layer, module, width, options,
                  {.activation = options.activation,
                   .gate = rows(fused, 0, width),
                   .up = rows(fused, width, width),
                   .down = tensors.linear(options.down, width, hidden, options.bias)});
}

Part plain_mlp(LayerBuilder& layer, const std::string& module, const PlainMlpOptions& options) {
  const auto tensors = layer.tensors().of(module);
  const auto hidden = layer.dims().hidden, width = width_of(layer, options.width);
  return finished(layer, module, width, options,
                  {.activation = options.activation,
                   .up = tensors.linear(options.up, hidden, width, options.bias),
                   .down = tensors.linear(options.down, width, hidden, options.bias)});
}

}  // namespace garage::sdk
