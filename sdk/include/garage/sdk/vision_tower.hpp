// The vision tower beside a text model: part `vision_encoder`, whose tensors are accounted for by a table.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <garage/sdk/config_reader.hpp>
#include <garage/sdk/custom_tensors.hpp>
#include <garage/sdk/stack_builder.hpp>

namespace garage::sdk {

// Of an encoder of square patches. Pixels for image and patch.
struct TowerDims {
  std::int64_t hidden = 0, intermediate = 0, layers = 0, heads = 0, channels = 3, image = 0, patch = 0;

  std::int64_t patches() const { return (image / patch) * (image / patch); }
};

// As most vision_configs name them: hidden_size, intermediate_size, num_hidden_layers, num_attention_heads,
// num_channels, image_size, patch_size. A default of 0: the class has no such key.
TowerDims read_tower_dims(const ConfigReader& config, const TowerDims& defaults);

// Throws kCorrupt when a list of modules ("encoder.layers") has not as many as the config's key says.
void require_modules(const Tensors& tensors, const std::string& list, const ConfigReader& config, std::string_view key,
                     std::int64_t count);

// q_proj, k_proj, v_proj and what o is called, below an attention's module, all hidden wide.
void add_tower_attention(CustomTensors& tensors, const std::string& module, const std::string& o,
                         const TowerDims& dims, bool bias);

// Those of a SigLIP encoder (transformers: SiglipVisionTransformer), with its pooling head or without: learned places,
// biases everywhere, two layer norms before what they norm, and one behind all.
void add_siglip_tensors(CustomTensors& tensors, const TowerDims& dims, bool has_head);

// Adds the part, out numbers a patch wide. attributes: what else its tensors do not say ("activation").
PartSpec& add_vision_encoder(StackBuilder& text, std::string module_path, const TowerDims& dims, std::int64_t out,
                             CustomTensors tensors, const boost::json::object& attributes);

}  // namespace garage::sdk
