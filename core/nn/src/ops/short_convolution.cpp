// transformers: Lfm2ShortConv.slow_forward (modeling_lfm2.py).
#include "modules.hpp"
#include "recurrence.hpp"

namespace garage::nn {

ShortConvolutionModule::ShortConvolutionModule(const std::string& name, const ShortConvolution& convolution,
                                               const TensorStore& store)
    : PartModule(name),
      channels_(convolution.convolution.channels),
      in_(add_linear(*this, "in", convolution.in, store)),
      o_(add_linear(*this, "o", convolution.o, store)),
      convolution_(*this, convolution.convolution, store) {}

torch::Tensor ShortConvolutionModule::compute(const torch::Tensor& given, Pass& pass) {
  const auto input = recurrent_input(name(), given, pass);
  require_hidden_states(input, in_.weight.size(1), in_.options());
  if (input.size(1) == 0) return torch::zeros_like(input);
  const auto all = in_(input);
  const auto b = all.narrow(-1, 0, channels_), c = all.narrow(-1, channels_, channels_);
  const auto x = all.narrow(-1, 2 * channels_, channels_);
  // By a bias padding is more than zeros.
  return o_(c * convolution_(pass.without_padding(b * x), pass.memory(name())));
}

}  // namespace garage::nn
