// The parts of GPT-OSS that no op of core says, as nn_library.cpp lists them.
#pragma once

#include <memory>

#include <garage/nn/nn_library.hpp>

using GptOssModule = std::shared_ptr<garage::nn::PartModule>;

GptOssModule make_sink_attention(const garage::nn::CustomPart& part);
GptOssModule make_expert(const garage::nn::CustomPart& part);
GptOssModule make_mixture(const garage::nn::CustomPart& part);  // a router, then its experts
