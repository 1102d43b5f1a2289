// The parts of DeBERTa that no op of core says, as nn_library.cpp lists them.
#pragma once

#include <memory>

#include <garage/nn/nn_library.hpp>

using DebertaModule = std::shared_ptr<garage::nn::PartModule>;

DebertaModule make_disentangled_attention(const garage::nn::CustomPart& part);
DebertaModule make_convolved_layer(const garage::nn::CustomPart& part);
