// Gemma beside pictures: Gemma 3 and PaliGemma, whose text models are Gemma 1's to 3's. Gemma 4's are in gemma4.hpp.
#pragma once

#include <garage/sdk/family.hpp>

garage::ModelSpec decompose_gemma3_with_pictures(const garage::Model& model, const garage::sdk::ConfigReader& config);
garage::ModelSpec decompose_paligemma(const garage::Model& model, const garage::sdk::ConfigReader& config);
