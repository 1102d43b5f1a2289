// The part of MiniMax that no op of core says, as nn_library.cpp lists it.
#pragma once

#include <memory>

#include <garage/nn/nn_library.hpp>

std::shared_ptr<garage::nn::PartModule> make_lightning_attention(const garage::nn::CustomPart& part);
