#include <garage/sdk/vision_tower.hpp>

#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage::sdk {

TowerDims read_tower_dims(const ConfigReader& config, const TowerDims& defaults) {
  const auto read = [&](std::string_view key, std::int64_t otherwise) {
    return otherwise > 0 ? config.dimension(key, otherwise) : 0;
  };
  return {.hidden = read("hidden_size", defaults.hidden),
          .intermediate = read("intermediate_size", defaults.intermediate),
          .layers = read("num_hidden_layers", defaults.layers),
          .heads = read("num_attention_heads", defaults.heads),
          .channels = read("num_channels", defaults.channels),
          .image = read("image_size", defaults.image),
          .patch = read("patch_size", defaults.patch)};
}

void require_modules(const Tensors& tensors, const std::string& list, const ConfigReader& config, std::string_view key,
                     std::int64_t count) {
  if (const auto found = tensors.count_modules(list); found != count)
    throw Error(Errc::kCorrupt, fmt::format("{}: {} is {}, the tensors have {}", config.path(), key, count, found));
}

void add_tower_attention(CustomTensors& tensors, const std::string& module, const std::string& o, const TowerDims& dims,
                         bool bias) {
  for (const auto& projection : {std::string("q_proj"), std::string("k_proj"), std::string("v_proj"), o})
    tensors.linear(module + "." + projection, dims.hidden, dims.hidden, bias);
}

namespace {

// SiglipMultiheadAttentionPoolingHead
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

void add_siglip_tensors(CustomTensors& tensors, const TowerDims& dims, bool has_head) {
  tensors.add({{"embeddings.patch_embedding.weight", {dims.hidden, dims.channels, dims.patch, dims.patch}},
               {"embeddings.patch_embedding.bias", {dims.hidden}},
               {"embeddings.position_embedding.weight", {dims.patches(), dims.hidden}}});
  for (std::int64_t i = 0; i < dims.layers; ++i) {
    const auto layer = fmt::format("encoder.layers.{}", i);
    tensors.layer_norm(layer + ".layer_norm1", dims.hidden);
    tensors.layer_norm(layer + ".layer_norm2", dims.hidden);
    add_tower_attention(tensors, layer + ".self_attn", "out_proj", dims, /*bias=*/true);
    tensors.linear(layer + ".mlp.fc1", dims.hidden, dims.intermediate);
    tensors.linear(layer + ".mlp.fc2", dims.intermediate, dims.hidden);
  }
  tensors.layer_norm("post_layernorm", dims.hidden);
  if (has_head) add_pooling_head(tensors, dims);
}

PartSpec& add_vision_encoder(StackBuilder& text, std::string module_path, const TowerDims& dims, std::int64_t out,
                             CustomTensors tensors, const boost::json::object& attributes) {
  boost::json::object all{{"num_heads", dims.heads}};
  all.insert(attributes.begin(), attributes.end());
  auto& tower = text.part("vision_encoder", part_type::kVisionEncoder, std::move(module_path), dims.channels, out,
                          tensors.take(std::move(all)));
  tower.intermediate_dim = dims.intermediate;
  tower.extra_info = {{"num_layers", dims.layers}};
  if (dims.image > 0) tower.extra_info["image_size"] = dims.image;
  tower.extra_info["patch_size"] = dims.patch;
  return tower;
}

}  // namespace garage::sdk
