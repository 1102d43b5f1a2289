// What of LongCat no op of core says, as nn_library.cpp lists it.
#pragma once

#include <memory>

#include <garage/nn/nn_library.hpp>

std::shared_ptr<garage::nn::PartModule> make_layer(const garage::nn::CustomPart& part);
std::shared_ptr<garage::nn::PartModule> make_mixture(const garage::nn::CustomPart& part);  // a router, then its experts
