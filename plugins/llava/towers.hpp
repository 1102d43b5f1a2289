// What each of these models has beside its text: parts `vision_encoder` and `projector`, as the whole config says.
#pragma once

#include <garage/sdk/family.hpp>

void add_llava_pictures(garage::sdk::StackBuilder& text, const garage::sdk::ConfigReader& config);
void add_smolvlm_pictures(garage::sdk::StackBuilder& text, const garage::sdk::ConfigReader& config);
void add_internvl_pictures(garage::sdk::StackBuilder& text, const garage::sdk::ConfigReader& config);
