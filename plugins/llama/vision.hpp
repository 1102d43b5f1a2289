// The vision half of Llama 4: an encoder whose patches are shuffled together, and the projector into the text model.
#pragma once

#include <garage/sdk/family.hpp>

// Adds `vision_encoder`, whose tensors are accounted for and which nothing here runs, and `projector`.
void add_llama4_vision(garage::sdk::StackBuilder& text, const garage::sdk::ConfigReader& vision);
