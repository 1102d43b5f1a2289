// transformers: modeling_siglip.py (SiglipVisionModel), modeling_gemma3.py (Gemma3MultiModalProjector).
#include "vision.hpp"

#include <garage/error.hpp>

using namespace garage;
using namespace garage::sdk;

namespace {

// SiglipVisionConfig's defaults.
struct VisionDims {
  std::int64_t hidden, intermediate, layers, heads, channels, image, patch;

  explicit VisionDims(const ConfigReader& config)
      : hidden(config.dimension("hidden_size", 768)),
        intermediate(config.dimension("intermediate_size", 3072)),
        layers(config.dimension("num_hidden_layers", 12)),
        heads(config.dimension("num_attention_heads", 12)),
        channels(config.dimension("num_channels", 3)),
        image(config.dimension("image_size", 224)),
        patch(config.dimension("patch_size", 16)) {}
};

void add_encoder_layer(CustomTensors& tensors, std::int64_t index, const VisionDims& dims) {
  const auto layer = "encoder.layers." + std::to_string(index);
  tensors.layer_norm(layer + ".layer_norm1", dims.hidden);
  tensors.layer_norm(layer + ".layer_norm2", dims.hidden);
  for (const auto* projection : {"q_proj", "k_proj", "v_proj", "out_proj"})
    tensors.linear(layer + ".self_attn." + projection, dims.hidden, dims.hidden);
  tensors.linear(layer + ".mlp.fc1", dims.hidden, dims.intermediate);
  tensors.linear(layer + ".mlp.fc2", dims.intermediate, dims.hidden);
}

// SiglipMultiheadAttentionPoolingHead; Gemma's encoders are without it.
void add_pooling_head(CustomTensors& tensors, const VisionDims& dims) {
  tensors.add("head.probe", {1, 1, dims.hidden});
  tensors.add("head.attention.in_proj_weight", {3 * dims.hidden, dims.hidden});
  tensors.add("head.attention.in_proj_bias", {3 * dims.hidden});
  tensors.linear("head.attention.out_proj", dims.hidden, dims.hidden);
  tensors.layer_norm("head.layernorm", dims.hidden);
  tensors.linear("head.mlp.fc1", dims.hidden, dims.intermediate);
  tensors.linear("head.mlp.fc2", dims.intermediate, dims.hidden);
}

}  // namespace

void add_vision(StackBuilder& text, const ConfigReader& vision, std::int64_t tokens_per_image) {
  const VisionDims dims(vision);
  const auto hidden = text.dims().hidden, side = dims.image / dims.patch;
  CustomTensors encoder(text.beside(
      {"vision_tower.vision_model.", "model.vision_tower.vision_model.", "vision_tower.", "model.vision_tower."},
      "encoder."));
  encoder.add({{"embeddings.patch_embedding.weight", {dims.hidden, dims.channels, dims.patch, dims.patch}},
               {"embeddings.patch_embedding.bias", {dims.hidden}},
               {"embeddings.position_embedding.weight", {side * side, dims.hidden}}});
  if (const auto found = encoder.tensors().count_modules("encoder.layers"); found != dims.layers)
    throw Error(Errc::kCorrupt, vision.path() + ": num_hidden_layers is " + std::to_string(dims.layers) +
                                    ", the tensors have " + std::to_string(found));
  for (std::int64_t i = 0; i < dims.layers; ++i) add_encoder_layer(encoder, i, dims);
  encoder.layer_norm("post_layernorm", dims.hidden);
  if (encoder.tensors().has("head.probe")) add_pooling_head(encoder, dims);
  const auto eps = vision.positive("layer_norm_eps", 1e-6);
  auto& tower = text.part("vision_encoder", part_type::kVisionEncoder, "model.vision_tower", dims.channels, dims.hidden,
                          encoder.take({{"num_heads", dims.heads},
                                        {"activation", vision.text("hidden_act", "gelu_pytorch_tanh")},
                                        {"norm_eps", eps}}));
  tower.intermediate_dim = dims.intermediate;
  tower.extra_info = {{"num_layers", dims.layers}, {"image_size", dims.image}, {"patch_size", dims.patch}};

  CustomTensors projector(text.beside({"multi_modal_projector.", "model.multi_modal_projector."}, "mm_"));
  projector.add({{"mm_input_projection_weight", {dims.hidden, hidden}},  // x @ weight: not as Linear stores it
                 {"mm_soft_emb_norm.weight", {dims.hidden}}});
  text.part("projector", part_type::kProjector, "model.multi_modal_projector", dims.hidden, hidden,
            projector.take({{"tokens_per_image", tokens_per_image}, {"norm_eps", eps}}));
}
