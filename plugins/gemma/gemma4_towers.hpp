// What stands before Gemma 4's text model: a tower for pictures, one for sounds, and the projections from them into it.
#pragma once

#include <garage/sdk/family.hpp>

// Add `vision_encoder` and `vision_projector`, `audio_encoder` and `audio_projector`: of the towers every tensor is
// accounted for and nothing runs; the projections run.
void add_gemma4_vision(garage::sdk::StackBuilder& text, const garage::sdk::ConfigReader& vision);
void add_gemma4_audio(garage::sdk::StackBuilder& text, const garage::sdk::ConfigReader& audio);
