// The vision half of Mistral 3: a Pixtral encoder, and the projector from it into the text model.
#pragma once

#include <garage/sdk/family.hpp>

// What such models' modules are called, under every prefix that files have had.
garage::sdk::StackNames mistral3_names();

// Adds `vision_encoder` and `projector`, whose tensors are accounted for and which nothing here runs. config is the
// whole model's.
void add_pixtral(garage::sdk::StackBuilder& text, const garage::sdk::ConfigReader& config);
