// transformers: Gemma4VisionModel, Gemma4AudioModel and Gemma4MultimodalEmbedder of modeling_gemma4.py.
#include "gemma4_towers.hpp"

#include <fmt/format.h>

using namespace garage;
using namespace garage::sdk;

namespace {

// Gemma4ClippableLinear: with bounds for what goes in and what comes out, where the config asks for them.
struct Linears {
  CustomTensors& tensors;
  bool clipped;

  void add(const std::string& module, std::int64_t in, std::int64_t out) const {
    tensors.linear(module + ".linear", in, out, false);
    if (!clipped) return;
    for (const auto* bound : {"input_min", "input_max", "output_min", "output_max"})
      tensors.add(module + "." + bound, {});
  }
};

void add_norms(CustomTensors& tensors, const std::string& layer, std::initializer_list<const char*> names,
               std::int64_t size) {
  for (const auto* name : names) tensors.add(layer + name + ".weight", {size});
}

struct VisionDims {
  TowerDims tower;
  std::int64_t kv_heads, head_dim;
};

VisionDims read_vision_dims(const ConfigReader& config) {
  VisionDims dims{read_tower_dims(config, {768, 3072, 16, 12, 0, 0, 16}), config.dimension("num_key_value_heads", 12),
                  config.dimension("head_dim", 64)};
  dims.tower.channels = 3;
  return dims;
}

void add_vision_layer(const Linears& linears, const std::string& layer, const VisionDims& dims) {
  const auto hidden = dims.tower.hidden, width = dims.tower.intermediate;
  const auto q = dims.tower.heads * dims.head_dim, kv = dims.kv_heads * dims.head_dim;
  linears.add(layer + "self_attn.q_proj", hidden, q);
  linears.add(layer + "self_attn.k_proj", hidden, kv);
  linears.add(layer + "self_attn.v_proj", hidden, kv);
  linears.add(layer + "self_attn.o_proj", q, hidden);
  add_norms(linears.tensors, layer + "self_attn.", {"q_norm", "k_norm"}, dims.head_dim);
  linears.add(layer + "mlp.gate_proj", hidden, width);
  linears.add(layer + "mlp.up_proj", hidden, width);
  linears.add(layer + "mlp.down_proj", width, hidden);
  add_norms(linears.tensors, layer,
            {"input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm", "post_feedforward_layernorm"},
            hidden);
}

struct AudioDims {
  std::int64_t hidden, layers, heads, kernel, out;
};

void add_audio_layer(const Linears& linears, const std::string& layer, const AudioDims& dims) {
  const auto hidden = dims.hidden;
  auto& tensors = linears.tensors;
  for (const auto* name : {"feed_forward1.", "feed_forward2."}) {
    linears.add(layer + name + "ffw_layer_1", hidden, 4 * hidden);
    linears.add(layer + name + "ffw_layer_2", 4 * hidden, hidden);
    add_norms(tensors, layer + name, {"pre_layer_norm", "post_layer_norm"}, hidden);
  }
  const auto head_dim = hidden / dims.heads;
  for (const auto* name : {"q_proj", "k_proj", "v_proj"})
    linears.add(layer + "self_attn." + name, hidden, dims.heads * head_dim);
  linears.add(layer + "self_attn.post", hidden, hidden);
  tensors.linear(layer + "self_attn.relative_k_proj", hidden, dims.heads * head_dim, false);
  tensors.add(layer + "self_attn.per_dim_scale", {head_dim});
  linears.add(layer + "lconv1d.linear_start", hidden, 2 * hidden);
  linears.add(layer + "lconv1d.linear_end", hidden, hidden);
  tensors.add(layer + "lconv1d.depthwise_conv1d.weight", {hidden, 1, dims.kernel});
  add_norms(tensors, layer + "lconv1d.", {"pre_layer_norm", "conv_norm"}, hidden);
  add_norms(tensors, layer, {"norm_pre_attn", "norm_post_attn", "norm_out"}, hidden);
}

// Two convolutions by 3 x 3, each of which halves time and bins, of which there are 128.
void add_subsampling(CustomTensors& tensors, const ConfigReader& config, std::int64_t hidden) {
  const auto channels = config.has("subsampling_conv_channels") ? config.indices("subsampling_conv_channels")
                                                                : std::vector<std::int64_t>{128, 32};
  if (channels.size() != 2) config.refuse("subsampling_conv_channels", "a list of 2 numbers");
  const std::string module = "subsample_conv_projection.";
  tensors.add({{module + "layer0.conv.weight", {channels[0], 1, 3, 3}},
               {module + "layer0.norm.weight", {channels[0]}},
               {module + "layer1.conv.weight", {channels[1], channels[0], 3, 3}},
               {module + "layer1.norm.weight", {channels[1]}}});
  tensors.linear(module + "input_proj_linear", channels[0] / 4 * channels[1], hidden, false);
}

// Gemma4MultimodalEmbedder: a norm without a weight, then a projection.
void add_embedder(StackBuilder& text, const std::string& part, const std::string& module, std::int64_t in, double eps) {
  const auto out = text.dims().hidden;
  const auto tensors = text.beside({"model." + module + ".", module + "."}, "embedding_projection.");
  const auto path = "model." + module;
  text.part(part + ".norm", part_type::kLayerNorm, path + ".embedding_pre_projection_norm", in, in,
            Norm{.kind = NormKind::rms, .size = in, .eps = eps});
  text.part(part + ".projection", part_type::kProjector, path + ".embedding_projection", in, out,
            tensors.linear("embedding_projection", in, out, false));
  text.part(part, part_type::kProjector, path, in, out,
            Stack{.hidden = in, .parts = {part + ".norm", part + ".projection"}});
}

}  // namespace

void add_gemma4_vision(StackBuilder& text, const ConfigReader& vision) {
  if (vision.text("model_type", "gemma4_vision") != "gemma4_vision")
    vision.unsupported("model_type", "another tower than Gemma 4's");
  const auto dims = read_vision_dims(vision);
  const auto hidden = dims.tower.hidden;
  CustomTensors tensors(text.beside({"model.vision_tower.", "vision_tower."}, "encoder."));
  require_modules(tensors.tensors(), "encoder.layers", vision, "num_hidden_layers", dims.tower.layers);
  tensors.linear("patch_embedder.input_proj", 3 * dims.tower.patch * dims.tower.patch, hidden, false);
  tensors.add("patch_embedder.position_embedding_table",
              {2, vision.dimension("position_embedding_size", 10240), hidden});
  const Linears linears{tensors, vision.flag("use_clipped_linears", false)};
  for (std::int64_t i = 0; i < dims.tower.layers; ++i)
    add_vision_layer(linears, fmt::format("encoder.layers.{}.", i), dims);
  if (vision.flag("standardize", false)) tensors.add({{"std_bias", {hidden}}, {"std_scale", {hidden}}});
  const auto eps = vision.positive("rms_norm_eps", 1e-6);
  add_vision_encoder(text, "model.vision_tower", dims.tower, hidden, std::move(tensors),
                     {{"activation", vision.text("hidden_activation", "gelu_pytorch_tanh")},
                      {"norm_eps", eps},
                      {"pooling_kernel_size", vision.dimension("pooling_kernel_size", 3)}});
  add_embedder(text, "projector", "embed_vision", hidden, eps);
}

void add_gemma4_audio(StackBuilder& text, const ConfigReader& audio) {
  if (audio.text("model_type", "gemma4_audio") != "gemma4_audio")
    audio.unsupported("model_type", "another tower than Gemma 4's");
  const AudioDims dims{audio.dimension("hidden_size", 1024), audio.dimension("num_hidden_layers", 12),
                       audio.dimension("num_attention_heads", 8), audio.dimension("conv_kernel_size", 5),
                       audio.dimension("output_proj_dims", 1536)};
  CustomTensors tensors(text.beside({"model.audio_tower.", "audio_tower."}, "layers."));
  require_modules(tensors.tensors(), "layers", audio, "num_hidden_layers", dims.layers);
  add_subsampling(tensors, audio, dims.hidden);
  const Linears linears{tensors, audio.flag("use_clipped_linears", true)};
  for (std::int64_t i = 0; i < dims.layers; ++i) add_audio_layer(linears, fmt::format("layers.{}.", i), dims);
  tensors.linear("output_proj", dims.hidden, dims.out);
  auto& tower = text.part("audio_encoder", part_type::kAudioEncoder, "model.audio_tower", 128, dims.out,
                          tensors.take({{"num_heads", dims.heads}, {"activation", audio.text("hidden_act", "silu")}}));
  tower.extra_info = {{"num_layers", dims.layers}};
  add_embedder(text, "audio_projector", "embed_audio", dims.out, audio.positive("rms_norm_eps", 1e-6));
}
