// Gemma 4: its text models, dense or with experts beside the feed-forward, and the one that sees and hears.
#pragma once

#include <garage/sdk/family.hpp>

// gemma4_text and gemma4_unified_text.
garage::ModelSpec decompose_gemma4(const garage::Model& model, const garage::sdk::ConfigReader& config);
garage::ModelSpec decompose_gemma4_with_pictures(const garage::Model& model, const garage::sdk::ConfigReader& config);
