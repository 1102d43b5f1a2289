// What stands before the text models of Gemma 3 and PaliGemma: a SigLIP encoder and the projector from it into them.
#pragma once

#include <garage/sdk/family.hpp>

// Add `vision_encoder` and `projector`. vision is the config's vision_config.
// Gemma 3: so many tokens stand for an image; nothing here runs the projector.
void add_gemma3_vision(garage::sdk::StackBuilder& text, const garage::sdk::ConfigReader& vision,
                       std::int64_t tokens_per_image);
// PaliGemma: the projector is one linear map, to so many numbers a patch.
void add_paligemma_vision(garage::sdk::StackBuilder& text, const garage::sdk::ConfigReader& vision, std::int64_t width);
