#include <garage/sdk/short_convolution.hpp>

namespace garage::sdk {

Part short_convolution(LayerBuilder& layer, const std::string& module, const ShortConvolutionOptions& options) {
  const auto tensors = layer.tensors().of(module);
  const auto hidden = layer.dims().hidden;
  ShortConvolution made{
      .in = tensors.linear(options.in, hidden, 3 * hidden, options.bias),
      .convolution = tensors.convolution(options.convolution, hidden, options.kernel, options.bias),
      .o = tensors.linear(options.o, hidden, hidden, options.bias)};
  return layer.part("mixer", part_type::kMixer, module, std::nullopt, std::move(made));
}

}  // namespace garage::sdk
