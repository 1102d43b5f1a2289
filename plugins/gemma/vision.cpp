// transformers: modeling_siglip.py (SiglipVisionModel), modeling_gemma3.py (Gemma3MultiModalProjector).
#include "vision.hpp"

#include <garage/error.hpp>

using namespace garage;
using namespace garage::sdk;

namespace {

using Shape = std::vector<std::int64_t>;

// The tensors of one module, under the prefix that the file has for it.
class TensorTable {
 public:
  TensorTable(const Model& model, const std::string& wrapper, std::initializer_list<const char*> prefixes,
              const std::string& below) {
    for (const auto* inner : prefixes) {
      const auto prefix = wrapper + inner;
      if (prefix_.empty() || count_tensors(model, prefix + below) > count_tensors(model, prefix_ + below))
        prefix_ = prefix;
    }
  }

  void add(const std::string& name, Shape shape) { custom_.tensors[name] = {{prefix_ + name, {}}, std::move(shape)}; }
  void linear(const std::string& module, std::int64_t out, std::int64_t in) {
    add(module + ".weight", {out, in});
    add(module + ".bias", {out});
  }
  void layer_norm(const std::string& module, std::int64_t size) {
    add(module + ".weight", {size});
    add(module + ".bias", {size});
  }
  const std::string& prefix() const { return prefix_; }
  Custom take(boost::json::object attributes) {
    custom_.attributes = std::move(attributes);
    return std::move(custom_);
  }

 private:
  std::string prefix_;
  Custom custom_;
};

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

void add_encoder_layer(TensorTable& tensors, std::int64_t index, const VisionDims& dims) {
  const auto layer = "encoder.layers." + std::to_string(index);
  tensors.layer_norm(layer + ".layer_norm1", dims.hidden);
  tensors.layer_norm(layer + ".layer_norm2", dims.hidden);
  for (const auto* projection : {"q_proj", "k_proj", "v_proj", "out_proj"})
    tensors.linear(layer + ".self_attn." + projection, dims.hidden, dims.hidden);
  tensors.linear(layer + ".mlp.fc1", dims.intermediate, dims.hidden);
  tensors.linear(layer + ".mlp.fc2", dims.hidden, dims.intermediate);
}

// SiglipMultiheadAttentionPoolingHead; Gemma's encoders are without it.
void add_pooling_head(TensorTable& tensors, const VisionDims& dims) {
  tensors.add("head.probe", {1, 1, dims.hidden});
  tensors.add("head.attention.in_proj_weight", {3 * dims.hidden, dims.hidden});
  tensors.add("head.attention.in_proj_bias", {3 * dims.hidden});
  tensors.linear("head.attention.out_proj", dims.hidden, dims.hidden);
  tensors.layer_norm("head.layernorm", dims.hidden);
  tensors.linear("head.mlp.fc1", dims.intermediate, dims.hidden);
  tensors.linear("head.mlp.fc2", dims.hidden, dims.intermediate);
}

}  // namespace

void add_vision(DecoderBuilder& build, const Model& model, const ConfigReader& vision, std::int64_t tokens_per_image) {
  const VisionDims dims(vision);
  const auto hidden = build.dims().hidden;
  TensorTable encoder(
      model, build.wrapper(),
      {"vision_tower.vision_model.", "model.vision_tower.vision_model.", "vision_tower.", "model.vision_tower."},
      "encoder.");
  encoder.add("embeddings.patch_embedding.weight", {dims.hidden, dims.channels, dims.patch, dims.patch});
  encoder.add("embeddings.patch_embedding.bias", {dims.hidden});
  const auto side = dims.image / dims.patch;
  encoder.add("embeddings.position_embedding.weight", {side * side, dims.hidden});
  if (const auto found = count_modules(model, encoder.prefix() + "encoder.layers"); found != dims.layers)
    throw Error(Errc::kCorrupt, vision.path() + ": num_hidden_layers is " + std::to_string(dims.layers) +
                                    ", the tensors have " + std::to_string(found));
  for (std::int64_t i = 0; i < dims.layers; ++i) add_encoder_layer(encoder, i, dims);
  encoder.layer_norm("post_layernorm", dims.hidden);
  if (model.find(encoder.prefix() + "head.probe")) add_pooling_head(encoder, dims);
  auto& tower = build.part("vision_encoder", part_type::kVisionEncoder, "", dims.channels, dims.hidden,
                           encoder.take({{"num_heads", dims.heads},
                                         {"activation", vision.text("hidden_act", "gelu_pytorch_tanh")},
                                         {"norm_eps", vision.positive("layer_norm_eps", 1e-6)}}));
  tower.module_path = "model.vision_tower";
  tower.intermediate_dim = dims.intermediate;
  tower.extra_info = {{"num_layers", dims.layers}, {"image_size", dims.image}, {"patch_size", dims.patch}};

  TensorTable projector(model, build.wrapper(), {"multi_modal_projector.", "model.multi_modal_projector."}, "mm_");
  projector.add("mm_input_projection_weight", {dims.hidden, hidden});  // x @ weight: not as Linear stores it
  projector.add("mm_soft_emb_norm.weight", {dims.hidden});
  auto& made = build.part("projector", part_type::kProjector, "", dims.hidden, hidden,
                          projector.take({{"tokens_per_image", tokens_per_image},
                                          {"norm_eps", vision.positive("layer_norm_eps", 1e-6)}}));
  made.module_path = "model.multi_modal_projector";
}
