// Mistral 4: latent attention, and experts in groups beside one that every token visits.
#pragma once

#include <garage/sdk/family.hpp>

// config is the text model's. The caller adds what stands beside it, and finishes.
garage::sdk::StackDims read_mistral4_dims(const garage::sdk::ConfigReader& config);
void add_mistral4(garage::sdk::StackBuilder& text, const garage::sdk::ConfigReader& config, bool tied);
