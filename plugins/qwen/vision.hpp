// The towers of Qwen's vision models, and the mergers from them into the text models.
#pragma once

#include <garage/sdk/family.hpp>

enum class QwenTower { none, qwen2, qwen2_5, qwen3, qwen3_with_deepstack };

// What such models' modules are called. Files of transformers 4 have the text model's under "model.", beside "visual.".
garage::sdk::StackNames qwen_vision_names(const char* base_class);

// The text model's config: text_config, or, in configs of transformers 4, the whole.
garage::sdk::ConfigReader qwen_text_config(const garage::sdk::ConfigReader& config);

// How the rope's dimensions are shared out among a picture's three positions, to the spec's extra_info: "mrope_section",
// "mrope_interleaved". Of text the three are one, so that parts compute without it. config is the text model's.
void note_sections(garage::sdk::StackBuilder& text, const garage::sdk::ConfigReader& config);

// Adds `vision_encoder` and `projector`, whose tensors are accounted for and which nothing here runs. vision is the
// config's vision_config.
void add_qwen_vision(garage::sdk::StackBuilder& text, const garage::sdk::ConfigReader& vision, QwenTower tower);
