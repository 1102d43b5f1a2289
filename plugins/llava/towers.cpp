// transformers: modeling_llava.py with modeling_clip.py, modeling_smolvlm.py, modeling_internvl.py and their
// configurations.
#include "towers.hpp"

#include "pictures.hpp"
#include "projector.hpp"

using namespace garage;
using namespace garage::sdk;

namespace {

// How many layers are run for vision_feature_layer: hidden_states has what each layer is given, and what the last
// gives.
std::int64_t read_layers(const ConfigReader& config, std::int64_t layers, std::int64_t otherwise) {
  constexpr std::string_view kKey = "vision_feature_layer";
  if (config.has(kKey) && config.members().at(kKey).is_array())
    config.unsupported(kKey, "what several layers give, side by side,");
  const auto layer = static_cast<std::int64_t>(config.maybe_number(kKey).value_or(static_cast<double>(otherwise)));
  const auto run = layer < 0 ? layers + 1 + layer : layer;
  if (run < 0 || run > layers) config.refuse(kKey, "one of the tower's layers");
  return run;
}

// vision_feature_select_strategy
bool read_drops_first(const ConfigReader& config) {
  constexpr std::string_view kKey = "vision_feature_select_strategy";
  const auto strategy = config.text(kKey, "default");
  if (strategy != "default" && strategy != "full") config.refuse(kKey, "default or full");
  return strategy == "default";
}

NormStyle read_internvl_norm(const ConfigReader& vision) {
  const auto kind = vision.text("norm_type", "layer_norm");
  if (kind != "layer_norm" && kind != "rms_norm") vision.refuse("norm_type", "layer_norm or rms_norm");
  const auto eps = vision.positive("layer_norm_eps", 1e-6);
  return kind == "layer_norm" ? layer_norm(eps) : rms(eps);
}

// int(1 / downsample_ratio): what the projector's norm and pixel_shuffle both go by only where it is whole.
std::int64_t read_internvl_side(const ConfigReader& config) {
  const auto ratio = config.positive("downsample_ratio", 0.5);
  const auto side = static_cast<std::int64_t>(1 / ratio);
  if (side < 1 || 1 / static_cast<double>(side) != ratio) config.refuse("downsample_ratio", "one in so many");
  return side;
}

Tower read_internvl_tower(const ConfigReader& config, const ConfigReader& vision) {
  Tower tower{.module = "model.vision_tower",
              .dims = read_tower_dims(vision, {1024, 4096, 24, 16, 3, 0, 0}),
              .patches = {.projection = "embeddings.patch_embeddings.projection",
                          .class_token = "embeddings.cls_token",
                          .places = "embeddings.position_embeddings",
                          .places_are_batched = true},
              .names = {"encoder.layer", "attention", "projection_layer", "layernorm_before", "layernorm_after",
                        "lambda_1", "lambda_2"},
              .norm = read_internvl_norm(vision),
              .activation = vision.text("hidden_act", "gelu"),
              .bias = vision.flag("attention_bias", false)};
  tower.dims.image = read_side(vision, "image_size", 448);
  tower.dims.patch = read_side(vision, "patch_size", 14);
  tower.patches.class_shape = {1, 1, tower.dims.hidden};
  if (!vision.flag("use_absolute_position_embeddings", true)) tower.patches.places.clear();
  if (vision.flag("use_qk_norm", false)) tower.qk_norm = rms(1e-6);
  tower.layers_read = read_layers(config, tower.dims.layers, -1);
  return tower;
}

}  // namespace

void add_llava_pictures(StackBuilder& text, const ConfigReader& config) {
  const auto vision = config.section("vision_config");
  if (vision.text("model_type", "clip_vision_model") != "clip_vision_model")
    vision.unsupported("model_type", "another tower than CLIP's");
  // CLIPVisionConfig's, and LlavaConfig's where it has none.
  const bool has_none = !config.has("vision_config");
  const auto defaults = has_none ? TowerDims{1024, 4096, 24, 16, 3, 336, 14} : TowerDims{768, 3072, 12, 12, 3, 224, 32};
  Tower tower{.module = "model.vision_tower",
              .dims = read_tower_dims(vision, defaults),
              .patches = {.projection = "embeddings.patch_embedding",
                          .bias = false,
                          .class_token = "embeddings.class_embedding",
                          .places = "embeddings.position_embedding.weight"},
              .norm = layer_norm(vision.positive("layer_norm_eps", 1e-5)),
              .activation = vision.text("hidden_act", "quick_gelu"),
              .norm_before = "pre_layrnorm",
              .norm_behind = "post_layernorm",
              .reads_norm_behind = false};
  tower.patches.class_shape = {tower.dims.hidden};
  tower.layers_read = read_layers(config, tower.dims.layers, -2);
  const auto tensors = text.beside(
      {"model.vision_tower.", "vision_tower.vision_model.", "vision_tower.", "model.vision_tower.vision_model."},
      "encoder.layers.");
  add_tower(text, tensors, vision, tower);
  text.ignore_beside("*vision_*.embeddings.position_ids", "places are counted anew");
  add_projector(text, text.beside({"model.multi_modal_projector.", "multi_modal_projector."}, "linear_"),
                {.module = "model.multi_modal_projector",
                 .drops_first = read_drops_first(config),
                 .hidden = tower.dims.hidden,
                 .activation = config.text("projector_hidden_act", "gelu"),
                 .bias = config.flag("multimodal_projector_bias", true)});
}

void add_smolvlm_pictures(StackBuilder& text, const ConfigReader& config) {
  const auto vision = config.section("vision_config");
  TowerDims dims = read_tower_dims(vision, {1152, 3072, 12, 16, 3, 0, 0});
  dims.image = read_side(vision, "image_size", 224);
  dims.patch = read_side(vision, "patch_size", 32);
  add_tower(text, text.beside({"model.vision_model.", "vision_model."}, "encoder.layers."), vision,
            {.module = "model.vision_model",
             .dims = dims,
             .patches = {.projection = "embeddings.patch_embedding",
                         .places = "embeddings.position_embedding.weight",
                         .by_share = true},
             .norm = layer_norm(vision.positive("layer_norm_eps", 1e-6)),
             .activation = vision.text("hidden_act", "gelu_pytorch_tanh"),
             .norm_behind = "post_layernorm",
             .layers_read = dims.layers});
  add_projector(
      text, text.beside({"model.connector.modality_projection.", "connector.modality_projection."}, "proj."),
      {.module = "model.connector", .side = config.dimension("scale_factor", 2), .hidden = dims.hidden, .bias = false});
}

void add_internvl_pictures(StackBuilder& text, const ConfigReader& config) {
  const auto vision = config.section("vision_config");
  auto tower = read_internvl_tower(config, vision);
  // A norm behind the layers, always of this kind, counts for the last of them alone.
  if (!vision.flag("use_mean_pooling", true)) {
    if (tower.norm.kind != NormKind::layer) vision.unsupported("norm_type", "a norm of another kind behind the layers");
    tower.norm_behind = "layernorm";
    tower.reads_norm_behind = config.maybe_number("vision_feature_layer").value_or(-1) == -1;
  }
  add_tower(text, text.beside({"model.vision_tower.", "vision_tower."}, "encoder.layer."), vision, tower);
  text.ignore_beside("*vision_tower.embeddings.mask_token", "stands for patches that training hides");
  add_projector(text, text.beside({"model.multi_modal_projector.", "multi_modal_projector."}, "linear_"),
                {.module = "model.multi_modal_projector",
                 .drops_first = read_drops_first(config),
                 .side = read_internvl_side(config),
                 .hidden = tower.dims.hidden,
                 .has_norm = true,
                 .activation = config.text("projector_hidden_act", "gelu")});
}
