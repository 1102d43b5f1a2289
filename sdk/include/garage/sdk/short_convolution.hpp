// Short convolutions (LFM2), as blocks of a layer.
#pragma once

#include <cstdint>
#include <string>

#include <garage/sdk/layer_builder.hpp>

namespace garage::sdk {

struct ShortConvolutionOptions {
  std::int64_t kernel = 0;  // positions that the convolution sees
  bool bias = false;        // of in_proj, conv and out_proj
  std::string in = "in_proj", convolution = "conv", o = "out_proj";  // modules below the block's
};

// Part mixer_<i>, of as many channels as the stack's hidden size.
Part short_convolution(LayerBuilder& layer, const std::string& module, const ShortConvolutionOptions& options);

}  // namespace garage::sdk
