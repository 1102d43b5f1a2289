// Latent attention as DeepSeek's configs spell it, and those of the classes that it was copied into (Youtu, GLM-4.7,
// LongCat).
#pragma once

#include <string>

#include <garage/sdk/config_reader.hpp>
#include <garage/sdk/latent_attention.hpp>
#include <garage/sdk/rope_config.hpp>
#include <garage/sdk/stack_config.hpp>

namespace garage::sdk {

// The stack's dimensions. What the config says as head_dim is no size here; every head has keys of its own.
// Throws as read_stack_dims does, and kCorrupt where num_key_value_heads says otherwise.
StackDims read_latent_stack(const ConfigReader& config, const StackDims& defaults);

// A config's own qk_head_dim counts in most classes. Throws kCorrupt where it is not that of dims.
void check_qk_head_dim(const ConfigReader& config, const LatentDims& dims);

// The rope of the rope_dim dimensions that turn, neighbours together. Throws kCorrupt where it turns another number of
// them.
Rope read_latent_rope(const ConfigReader& config, const LatentDims& dims, const StackDims& stack,
                      RopeDefaults defaults = kWholeHeads);

// The same, by halves where the config's rope_interleave is false.
Rope read_paired_latent_rope(const ConfigReader& config, const LatentDims& dims, const StackDims& stack,
                             RopeDefaults defaults = kWholeHeads);

// 1 / sqrt(nope_dim + rope_dim); of a scaled rope times (0.1 mscale_all_dim ln(factor) + 1)^2, as DeepseekV3Attention
// does it.
double read_latent_scale(const ConfigReader& config, const LatentDims& dims);

// What latent_attention makes a part of, for a layer that has several.
Attention latent_blueprint(const LayerBuilder& layer, const std::string& module, const LatentOptions& options);

}  // namespace garage::sdk
