// Gemma 3n's text model. What its layers compute is in gemma3n_modules.cpp.
#pragma once

#include <garage/sdk/family.hpp>

garage::ModelSpec decompose_gemma3n(const garage::Model& model, const garage::sdk::ConfigReader& config);
