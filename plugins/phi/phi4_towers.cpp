// transformers: Phi4MultimodalImageEmbedding and Phi4MultimodalAudioEmbedding of modeling_phi4_multimodal.py.
#include "phi4_towers.hpp"

#include <fmt/format.h>

using namespace garage;
using namespace garage::sdk;

namespace {

constexpr TowerDims kVision = {1152, 4304, 27, 16, 3, 448, 14};  // Phi4MultimodalVisionConfig

// Phi4MultimodalAudioConfig.
struct AudioDims {
  std::int64_t hidden, intermediate, layers, heads;
  std::int64_t pointwise, multiplier, separable, kernel;  // channels and width of the convolutions in a layer
  std::int64_t bins, reduction, channels;                 // of the subsampling before the layers
  std::int64_t distance;                                  // positions that a bias tells apart, on each side
  bool symmetric;
  std::int64_t downsampling;
};

AudioDims read_audio_dims(const ConfigReader& config) {
  const auto read = [&](std::string_view key, std::int64_t otherwise) { return config.dimension(key, otherwise); };
  AudioDims dims{read("hidden_size", 1024),
                 read("intermediate_size", 1536),
                 read("num_blocks", 24),
                 read("num_attention_heads", 16),
                 read("ext_pw_out_channel", 1024),
                 read("depthwise_multiplier", 1),
                 read("depthwise_separable_out_channel", 1024),
                 read("kernel_size", 3),
                 read("input_size", 80),
                 read("time_reduction", 8),
                 read("nemo_conv_channels", 1024),
                 read("bias_max_distance", 1000),
                 config.flag("bias_symmetric", false),
                 read("downsample_rate", 1)};
  if (dims.reduction % 2 != 0) config.refuse("time_reduction", "a multiple of 2");
  return dims;
}

// Convolutions by 3 x 3, each of which halves time and bins: int(log2(time_reduction)) of them.
void add_subsampling(CustomTensors& tensors, const AudioDims& dims) {
  const auto channels = dims.channels;
  auto bins = dims.bins;
  std::int64_t at = 0;  // in the list of modules, in which an activation follows each
  const auto convolution = [&](std::int64_t in, std::int64_t size) {
    const auto module = fmt::format("embed.conv.{}.", at++);
    tensors.add({{module + "weight", {channels, in, size, size}}, {module + "bias", {channels}}});
  };
  for (auto left = dims.reduction; left >= 2; left /= 2, ++at) {
    convolution(1, 3);  // after the first of each channel by itself, and then of all
    if (left != dims.reduction) convolution(channels, 1);
    bins = (bins - 1) / 2 + 1;
  }
  tensors.linear("embed.out", channels * bins, dims.hidden);
}

void add_feed_forward(CustomTensors& tensors, const std::string& module, const AudioDims& dims) {
  tensors.layer_norm(module + ".layer_norm", dims.hidden);
  tensors.linear(module + ".gate_up_proj", dims.hidden, 2 * dims.intermediate);
  tensors.linear(module + ".down_proj", dims.intermediate, dims.hidden);
}

// Phi4MultimodalAudioConvModule. Convolutions of one position: [out, in, 1].
void add_convolutions(CustomTensors& tensors, const std::string& module, const AudioDims& dims) {
  const auto hidden = dims.hidden, deep = dims.hidden * dims.multiplier;
  const auto pointwise = [&](const std::string& name, std::int64_t in, std::int64_t out) {
    tensors.add({{module + name + ".weight", {out, in, 1}}, {module + name + ".bias", {out}}});
  };
  tensors.layer_norm(module + ".layer_norm", hidden);
  pointwise(".glu.ext_pw_conv_1d", hidden, 2 * dims.pointwise);
  tensors.add({{module + ".glu.b1", {1, dims.pointwise, 1}}, {module + ".glu.b2", {1, dims.pointwise, 1}}});
  tensors.add({{module + ".dw_sep_conv_1d.dw_conv.weight", {deep, 1, dims.kernel}},
               {module + ".dw_sep_conv_1d.dw_conv.bias", {deep}}});
  pointwise(".dw_sep_conv_1d.pw_conv", deep, dims.separable);
  pointwise(".ext_pw_conv_1d", hidden, dims.pointwise);
}

void add_conformer_layer(CustomTensors& tensors, const std::string& layer, const AudioDims& dims) {
  add_feed_forward(tensors, layer + ".feed_forward_in", dims);
  for (const auto* projection : {"q_proj", "k_proj", "v_proj", "o_proj"})
    tensors.linear(layer + ".self_attn." + projection, dims.hidden, dims.hidden);
  add_convolutions(tensors, layer + ".conv", dims);
  add_feed_forward(tensors, layer + ".feed_forward_out", dims);
  tensors.layer_norm(layer + ".layer_norm_att", dims.hidden);
  tensors.layer_norm(layer + ".layer_norm", dims.hidden);
}

Tensors below(const StackBuilder& text, const std::string& module, const std::string& start) {
  return text.beside({"model.embed_tokens_extend." + module, "embed_tokens_extend." + module}, start);
}

}  // namespace

void add_phi4_vision(StackBuilder& text, const ConfigReader& vision) {
  const auto dims = read_tower_dims(vision, kVision);
  const auto hidden = text.dims().hidden;
  CustomTensors encoder(below(text, "image_embed.img_processor.", "encoder."));
  require_modules(encoder.tensors(), "encoder.layers", vision, "num_hidden_layers", dims.layers);
  add_siglip_tensors(encoder, dims, /*has_head=*/true);
  const std::string path = "model.embed_tokens_extend.image_embed";
  add_vision_encoder(text, path + ".img_processor", dims, dims.hidden, std::move(encoder),
                     {{"activation", vision.text("hidden_act", "gelu_pytorch_tanh")},
                      {"norm_eps", vision.positive("layer_norm_eps", 1e-6)},
                      {"feature_layer", vision.maybe_number("feature_layer").value_or(-2)}});
  CustomTensors projector(below(text, "image_embed.", "img_projection_"));
  projector.linear("img_projection_up", dims.hidden, hidden);
  projector.linear("img_projection_down", hidden, hidden);
  projector.add({{"global_img_feature_extensor", {1, 1, dims.hidden}},
                 {"sub_img_feature_extensor", {1, 1, 1, dims.hidden}}});
  text.part("projector", part_type::kProjector, path, dims.hidden, hidden,
            projector.take({{"crop_size", vision.dimension("crop_size", 448)}}));
}

void add_phi4_audio(StackBuilder& text, const ConfigReader& audio) {
  const auto dims = read_audio_dims(audio);
  const auto hidden = text.dims().hidden;
  CustomTensors encoder(below(text, "audio_embed.encoder.", "encoders."));
  require_modules(encoder.tensors(), "encoders", audio, "num_blocks", dims.layers);
  encoder.add({{"encoder_embedding.global_mean", {dims.bins}}, {"encoder_embedding.global_invstd", {dims.bins}}});
  add_subsampling(encoder, dims);
  encoder.add("relative_attention_bias_layer.bias_values.weight",
              {dims.distance * (dims.symmetric ? 1 : 2), dims.heads});
  for (std::int64_t i = 0; i < dims.layers; ++i) add_conformer_layer(encoder, fmt::format("encoders.{}", i), dims);
  const std::string path = "model.embed_tokens_extend.audio_embed";
  auto& tower = text.part("audio_encoder", part_type::kAudioEncoder, path + ".encoder", dims.bins, dims.hidden,
                          encoder.take({{"num_heads", dims.heads},
                                        {"activation", audio.text("activation", "swish")},
                                        {"feature_layer", audio.maybe_number("feature_layer").value_or(-2)}}));
  tower.intermediate_dim = dims.intermediate;
  tower.extra_info = {{"num_layers", dims.layers}};
  CustomTensors projector(below(text, "audio_embed.", "up_proj_for_"));
  for (const auto* mode : {"speech", "vision_speech"}) {
    projector.linear(fmt::format("up_proj_for_{}", mode), dims.hidden * dims.downsampling, hidden);
    projector.linear(fmt::format("down_proj_for_{}", mode), hidden, hidden);
  }
  text.part("audio_projector", part_type::kProjector, path, dims.hidden * dims.downsampling, hidden,
            projector.take({}));
}
