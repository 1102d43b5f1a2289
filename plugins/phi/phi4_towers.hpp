// What stands beside Phi-4 multimodal's text model: a SigLIP encoder for pictures, a conformer for sounds, and the
// projections from them into it.
#pragma once

#include <garage/sdk/family.hpp>

// Add `vision_encoder` and `projector`, `audio_encoder` and `audio_projector`, whose tensors are accounted for and
// which nothing here runs.
void add_phi4_vision(garage::sdk::StackBuilder& text, const garage::sdk::ConfigReader& vision);
void add_phi4_audio(garage::sdk::StackBuilder& text, const garage::sdk::ConfigReader& audio);
