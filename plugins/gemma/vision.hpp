// The vision half of Gemma 3: a SigLIP encoder and the projector from it into the text model.
#pragma once

#include <garage/sdk/family.hpp>

// Adds `vision_encoder` and `projector`, whose tensors are accounted for and which nothing here runs. vision is the
// config's vision_config; so many tokens stand for an image.
void add_vision(garage::sdk::StackBuilder& text, const garage::sdk::ConfigReader& vision,
                std::int64_t tokens_per_image);
