// transformers: modeling_siglip.py (SiglipVisionModel), modeling_gemma3.py (Gemma3MultiModalProjector),
// modeling_paligemma.py (PaliGemmaMultiModalProjector).
#include "vision.hpp"

using namespace garage;
using namespace garage::sdk;

namespace {

constexpr TowerDims kSiglip = {768, 3072, 12, 12, 3, 224, 16};      // SiglipVisionConfig
constexpr TowerDims kPaliGemma = {1152, 4096, 27, 16, 3, 224, 14};  // PaliGemmaConfig's

// SiglipVisionModel; what it is, for the projector behind it.
struct Siglip {
  std::int64_t hidden;
  double eps;
};

Siglip add_siglip(StackBuilder& text, const ConfigReader& vision, const TowerDims& defaults) {
  const auto dims = read_tower_dims(vision, defaults);
  CustomTensors encoder(text.beside(
      {"vision_tower.vision_model.", "model.vision_tower.vision_model.", "vision_tower.", "model.vision_tower."},
      "encoder."));
  require_modules(encoder.tensors(), "encoder.layers", vision, "num_hidden_layers", dims.layers);
  add_siglip_tensors(encoder, dims, encoder.tensors().has("head.probe"));
  const auto eps = vision.positive("layer_norm_eps", 1e-6);
  add_vision_encoder(text, "model.vision_tower", dims, dims.hidden, std::move(encoder),
                     {{"activation", vision.text("hidden_act", "gelu_pytorch_tanh")}, {"norm_eps", eps}});
  return {dims.hidden, eps};
}

CustomTensors projector_of(const StackBuilder& text, const std::string& start) {
  return CustomTensors(text.beside({"multi_modal_projector.", "model.multi_modal_projector."}, start));
}

}  // namespace

void add_gemma3_vision(StackBuilder& text, const ConfigReader& vision, std::int64_t tokens_per_image) {
  const auto tower = add_siglip(text, vision, kSiglip);
  const auto hidden = text.dims().hidden;
  auto projector = projector_of(text, "mm_");
  projector.add({{"mm_input_projection_weight", {tower.hidden, hidden}},  // x @ weight: not as Linear stores it
                 {"mm_soft_emb_norm.weight", {tower.hidden}}});
  text.part("projector", part_type::kProjector, "model.multi_modal_projector", tower.hidden, hidden,
            projector.take({{"tokens_per_image", tokens_per_image}, {"norm_eps", tower.eps}}));
}

void add_paligemma_vision(StackBuilder& text, const ConfigReader& vision, std::int64_t width) {
  if (vision.text("model_type", "siglip_vision_model") != "siglip_vision_model")
    vision.unsupported("model_type", "another tower than SigLIP's");
  // PaliGemmaConfig has one of its own where the config has none.
  const auto tower = add_siglip(text, vision, vision.members().empty() ? kPaliGemma : kSiglip);
  const auto tensors = text.beside({"multi_modal_projector.", "model.multi_modal_projector."}, "linear.");
  text.part("projector", part_type::kProjector, "model.multi_modal_projector", tower.hidden, width,
            tensors.linear("linear", tower.hidden, width, true));
}
