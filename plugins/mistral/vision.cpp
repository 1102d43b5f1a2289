// transformers: modeling_pixtral.py (PixtralVisionModel), modeling_mistral3.py (Mistral3MultiModalProjector).
#include "vision.hpp"

using namespace garage;
using namespace garage::sdk;

namespace {

constexpr TowerDims kPixtral = {1024, 4096, 24, 16, 3, 0, 16};  // PixtralVisionConfig; pictures are of any size

void add_encoder(StackBuilder& text, const ConfigReader& config, const TowerDims& dims) {
  CustomTensors encoder(text.beside({"vision_tower.", "model.vision_tower."}, "transformer.layers."));
  require_modules(encoder.tensors(), "transformer.layers", config, "num_hidden_layers", dims.layers);
  encoder.add(
      {{"patch_conv.weight", {dims.hidden, dims.channels, dims.patch, dims.patch}}, {"ln_pre.weight", {dims.hidden}}});
  for (std::int64_t i = 0; i < dims.layers; ++i) {
    const auto layer = "transformer.layers." + std::to_string(i);
    encoder.add({{layer + ".attention_norm.weight", {dims.hidden}}, {layer + ".ffn_norm.weight", {dims.hidden}}});
    add_tower_attention(encoder, layer + ".attention", "o_proj", dims, /*bias=*/false);
    encoder.linear(layer + ".feed_forward.gate_proj", dims.hidden, dims.intermediate, false);
    encoder.linear(layer + ".feed_forward.up_proj", dims.hidden, dims.intermediate, false);
    encoder.linear(layer + ".feed_forward.down_proj", dims.intermediate, dims.hidden, false);
  }
  add_vision_encoder(text, "model.vision_tower", dims, dims.hidden, std::move(encoder),
                     {{"activation", config.text("hidden_act", "gelu")}});
}

// One layer's hidden states go in, or those of several side by side.
std::int64_t feature_layers(const ConfigReader& config) {
  if (!config.has("vision_feature_layer")) return 1;
  const auto& layers = config.members().at("vision_feature_layer");
  return layers.is_array() ? static_cast<std::int64_t>(layers.get_array().size()) : 1;
}

}  // namespace

StackNames mistral3_names() {
  return {.family = "mistral",
          .base_class = "Mistral3Model",
          .prefix = "model.language_model.",
          .other_prefixes = {"language_model.model.", "language_model.", "model.", ""},
          .heads = {"lm_head", "language_model.lm_head"},
          .all_modules = true};
}

void add_pixtral(StackBuilder& text, const ConfigReader& config) {
  const auto vision = config.section("vision_config");
  if (vision.text("model_type", "pixtral") != "pixtral")
    vision.unsupported("model_type", "another tower than Pixtral's");
  const auto dims = read_tower_dims(vision, kPixtral);
  add_encoder(text, vision, dims);

  const auto hidden = text.dims().hidden, merge = config.dimension("spatial_merge_size", 2);
  const bool bias = config.flag("multimodal_projector_bias", false);
  CustomTensors projector(text.beside({"multi_modal_projector.", "model.multi_modal_projector."}, "linear_"));
  projector.add("norm.weight", {dims.hidden});
  projector.linear("patch_merger.merging_layer", dims.hidden * merge * merge, dims.hidden, false);
  projector.linear("linear_1", dims.hidden * feature_layers(config), hidden, bias);
  projector.linear("linear_2", hidden, hidden, bias);
  text.part(
      "projector", part_type::kProjector, "model.multi_modal_projector", dims.hidden, hidden,
      projector.take({{"spatial_merge_size", merge}, {"activation", config.text("projector_hidden_act", "gelu")}}));
}
