// transformers: modeling_siglip.py (SiglipVisionModel), modeling_gemma3.py (Gemma3MultiModalProjector).
#include "vision.hpp"

using namespace garage;
using namespace garage::sdk;

namespace {

constexpr TowerDims kSiglip = {768, 3072, 12, 12, 3, 224, 16};  // SiglipVisionConfig

void add_encoder_layer(CustomTensors& tensors, std::int64_t index, const TowerDims& dims) {
  const auto layer = "encoder.layers." + std::to_string(index);
  tensors.layer_norm(layer + ".layer_norm1", dims.hidden);
  tensors.layer_norm(layer + ".layer_norm2", dims.hidden);
  add_tower_attention(tensors, layer + ".self_attn", "out_proj", dims, /*bias=*/true);
  tensors.linear(layer + ".mlp.fc1", dims.hidden, dims.intermediate);
  tensors.linear(layer + ".mlp.fc2", dims.intermediate, dims.hidden);
}

// SiglipMultiheadAttentionPoolingHead; Gemma's encoders are without it.
void add_pooling_head(CustomTensors& tensors, const TowerDims& dims) {
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
  const auto dims = read_tower_dims(vision, kSiglip);
  const auto hidden = text.dims().hidden;
  CustomTensors encoder(text.beside(
      {"vision_tower.vision_model.", "model.vision_tower.vision_model.", "vision_tower.", "model.vision_tower."},
      "encoder."));
  encoder.add({{"embeddings.patch_embedding.weight", {dims.hidden, dims.channels, dims.patch, dims.patch}},
               {"embeddings.patch_embedding.bias", {dims.hidden}},
               {"embeddings.position_embedding.weight", {dims.patches(), dims.hidden}}});
  require_modules(encoder.tensors(), "encoder.layers", vision, "num_hidden_layers", dims.layers);
  for (std::int64_t i = 0; i < dims.layers; ++i) add_encoder_layer(encoder, i, dims);
  encoder.layer_norm("post_layernorm", dims.hidden);
  if (encoder.tensors().has("head.probe")) add_pooling_head(encoder, dims);
  const auto eps = vision.positive("layer_norm_eps", 1e-6);
  add_vision_encoder(text, "model.vision_tower", dims, dims.hidden, std::move(encoder),
                     {{"activation", vision.text("hidden_act", "gelu_pytorch_tanh")}, {"norm_eps", eps}});

  CustomTensors projector(text.beside({"multi_modal_projector.", "model.multi_modal_projector."}, "mm_"));
  projector.add({{"mm_input_projection_weight", {dims.hidden, hidden}},  // x @ weight: not as Linear stores it
                 {"mm_soft_emb_norm.weight", {dims.hidden}}});
  text.part("projector", part_type::kProjector, "model.multi_modal_projector", dims.hidden, hidden,
            projector.take({{"tokens_per_image", tokens_per_image}, {"norm_eps", eps}}));
}
