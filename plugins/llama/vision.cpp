// transformers: Llama4VisionModel, Llama4MultiModalProjector of modeling_llama4.py.
#include "vision.hpp"

using namespace garage;
using namespace garage::sdk;

namespace {

constexpr TowerDims kDefaults = {768, 5632, 34, 16, 3, 448, 14};  // Llama4VisionConfig

void add_layer(CustomTensors& tensors, const std::string& layer, const TowerDims& dims) {
  tensors.layer_norm(layer + ".input_layernorm", dims.hidden);
  tensors.layer_norm(layer + ".post_attention_layernorm", dims.hidden);
  add_tower_attention(tensors, layer + ".self_attn", "o_proj", dims, /*bias=*/true);
  tensors.linear(layer + ".mlp.fc1", dims.hidden, dims.intermediate);
  tensors.linear(layer + ".mlp.fc2", dims.intermediate, dims.hidden);
}

}  // namespace

void add_llama4_vision(StackBuilder& text, const ConfigReader& vision) {
  const auto dims = read_tower_dims(vision, kDefaults);
  const auto adapter_in = vision.dimension("projector_input_dim", 4096);
  const auto adapter_out = vision.dimension("projector_output_dim", 4096);
  const auto out = vision.dimension("vision_output_dim", 7680);
  CustomTensors encoder(text.beside({"vision_model.", "model.vision_model."}, "model.layers."));
  require_modules(encoder.tensors(), "model.layers", vision, "num_hidden_layers", dims.layers);
  encoder.add({{"class_embedding", {dims.hidden}}, {"positional_embedding_vlm", {dims.patches() + 1, dims.hidden}}});
  encoder.linear("patch_embedding.linear", dims.channels * dims.patch * dims.patch, dims.hidden, false);
  encoder.layer_norm("layernorm_pre", dims.hidden);
  encoder.layer_norm("layernorm_post", dims.hidden);
  for (std::int64_t i = 0; i < dims.layers; ++i) add_layer(encoder, "model.layers." + std::to_string(i), dims);
  encoder.linear("vision_adapter.mlp.fc1", dims.intermediate, adapter_in, false);
  encoder.linear("vision_adapter.mlp.fc2", adapter_out, adapter_out, false);
  add_vision_encoder(text, "vision_model", dims, adapter_out, std::move(encoder),
                     {{"activation", vision.text("hidden_act", "gelu")},
                      {"norm_eps", vision.positive("norm_eps", 1e-5)},
                      {"pixel_shuffle_ratio", vision.positive("pixel_shuffle_ratio", 0.5)}});

  const auto projector = text.beside({"multi_modal_projector.", "model.multi_modal_projector."}, "linear_1");
  text.part("projector", part_type::kProjector, "multi_modal_projector", out, text.dims().hidden,
            projector.linear("linear_1", out, text.dims().hidden, false));
}
