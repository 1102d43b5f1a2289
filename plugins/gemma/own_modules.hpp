// The parts of Gemma's that no op of core says, as nn_library.cpp lists them.
#pragma once

#include <memory>

#include <garage/nn/nn_library.hpp>

using GemmaModule = std::shared_ptr<garage::nn::PartModule>;

GemmaModule make_rg_lru(const garage::nn::CustomPart& part);            // RecurrentGemma's recurrent block
GemmaModule make_per_layer_inputs(const garage::nn::CustomPart& part);  // of Gemma 3n and 4
GemmaModule make_per_layer_input(const garage::nn::CustomPart& part);
GemmaModule make_altup(const garage::nn::CustomPart& part);  // Gemma 3n: streams side by side
GemmaModule make_altup_unembed(const garage::nn::CustomPart& part);
GemmaModule make_laurel(const garage::nn::CustomPart& part);
GemmaModule make_sparse_mlp(const garage::nn::CustomPart& part);
GemmaModule make_gemma3n_layer(const garage::nn::CustomPart& part);

// x / rms(x) * weight, in float32 (Gemma3nRMSNorm, Gemma4RMSNorm).
torch::Tensor gemma_rms_norm(const torch::Tensor& x, const torch::Tensor& weight, double eps);

// By transformers' name. Throws kUnsupported for another than gelu_pytorch_tanh, which is all that these classes were
// published with.
torch::Tensor gemma_activation(const std::string& part, const garage::Custom& custom, const torch::Tensor& x);
