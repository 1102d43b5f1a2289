#include "pictures.hpp"

#include <cmath>
#include <utility>

using namespace garage;
using namespace garage::sdk;

namespace {

// Part types: of a layer that is none of the text model's, whose number the spec's num_layers is; of factors.
constexpr const char* kVisionLayer = "vision_layer";
constexpr const char* kLayerScale = "layer_scale";

std::string vision(const std::string& part) { return "vision." + part; }

class TowerParts {
 public:
  TowerParts(StackBuilder& text, const Tensors& tensors, const Tower& tower)
      : text_(text), tensors_(tensors), tower_(tower), dims_(tower.dims), stack_{.hidden = tower.dims.hidden} {}

  void add() {
    add_patches();
    if (!tower_.norm_before.empty()) stack_.parts.emplace_back(add_norm(tower_.norm_before, tower_.norm_before));
    for (std::int64_t i = 0; i < dims_.layers; ++i) {
      const auto layer = add_layer(i);
      if (i < tower_.layers_read) stack_.parts.emplace_back(layer);
    }
    if (!tower_.norm_behind.empty()) {
      const auto norm = add_norm(tower_.norm_behind, tower_.norm_behind);
      if (tower_.reads_norm_behind) stack_.parts.emplace_back(norm);
    }
    add_stack();
  }

 private:
  std::string path(const std::string& module) const { return tower_.module + "." + module; }

  void add_patches() {
    const auto& names = tower_.patches;
    const auto rows = dims_.patches() + (names.class_token.empty() ? 0 : 1);
    Custom custom{
        .builder = "patches",
        .attributes = {{"image_size", dims_.image}, {"patch_size", dims_.patch}, {"by_share", names.by_share}}};
    const auto take = [&](const char* role, const std::string& tensor, TensorShape shape) {
      custom.tensors[role] = {tensors_.tensor(tensor), std::move(shape)};
    };
    take("projection.weight", names.projection + ".weight", {dims_.hidden, dims_.channels, dims_.patch, dims_.patch});
    if (names.bias) take("projection.bias", names.projection + ".bias", {dims_.hidden});
    if (!names.class_token.empty()) take("class_token", names.class_token, names.class_shape);
    if (!names.places.empty())
      take("places", names.places,
           names.places_are_batched ? TensorShape{1, rows, dims_.hidden} : TensorShape{rows, dims_.hidden});
    text_.part(vision("patches"), part_type::kEmbedding, path("embeddings"), dims_.channels, dims_.hidden,
               std::move(custom));
    stack_.embeddings.emplace_back(vision("patches"));
  }

  std::string add_norm(const std::string& name, const std::string& module, std::optional<std::int64_t> layer = {}) {
    text_
        .part(vision(name), part_type::kLayerNorm, path(module), dims_.hidden, dims_.hidden,
              tensors_.norm(module, dims_.hidden, tower_.norm))
        .layer_idx = layer;
    return vision(name);
  }

  std::string add_attention(const std::string& module, std::int64_t layer) {
    const auto linear = [&](const std::string& name, bool bias) {
      return tensors_.linear(module + "." + name, dims_.hidden, dims_.hidden, bias);
    };
    const auto size = dims_.hidden / dims_.heads;
    Attention made{.heads = dims_.heads, .kv_heads = dims_.heads, .qk_dim = size, .v_dim = size};
    made.scale = 1 / std::sqrt(static_cast<double>(size));
    made.q = linear("q_proj", tower_.bias);
    made.k = linear("k_proj", tower_.bias);
    made.v = linear("v_proj", tower_.bias);
    made.o = linear(tower_.names.o, /*bias=*/true);
    if (tower_.qk_norm) {
      made.q_norm = tensors_.norm(module + ".q_norm", dims_.hidden, *tower_.qk_norm);
      made.k_norm = tensors_.norm(module + ".k_norm", dims_.hidden, *tower_.qk_norm);
    }
    made.mask.causal = false;
    const auto name = vision(part_name("attention", layer));
    auto& part = text_.part(name, part_type::kAttention, path(module), dims_.hidden, dims_.hidden, std::move(made));
    part.layer_idx = layer;
    part.num_heads = dims_.heads;
    part.head_dim = size;
    return name;
  }

  std::string add_feed_forward(const std::string& module, std::int64_t layer) {
    const auto name = vision(part_name("ffn", layer));
    auto& part =
        text_.part(name, part_type::kFfn, path(module), dims_.hidden, dims_.hidden,
                   FeedForward{.activation = tower_.activation,
                               .up = tensors_.linear(module + ".fc1", dims_.hidden, dims_.intermediate, true),
                               .down = tensors_.linear(module + ".fc2", dims_.intermediate, dims_.hidden, true)});
    part.layer_idx = layer;
    part.intermediate_dim = dims_.intermediate;
    part.extra_info["activation"] = tower_.activation;
    return name;
  }

  // A factor for each number.
  std::string add_scale(const std::string& module, const std::string& tensor, std::int64_t layer) {
    const auto name = vision(part_name(tensor, layer));
    Custom custom{.builder = "layer_scale"};
    custom.tensors["weight"] = {tensors_.tensor(module + "." + tensor), {dims_.hidden}};
    text_.part(name, kLayerScale, path(module), dims_.hidden, dims_.hidden, std::move(custom)).layer_idx = layer;
    return name;
  }

  std::string add_layer(std::int64_t index) {
    const auto& names = tower_.names;
    const auto module = names.layers + "." + std::to_string(index);
    const auto stage = [&](const std::string& norm, const std::string& op, const std::string& scale) {
      Branch branch{.norm = add_norm(part_name(norm, index), module + "." + norm, index), .op = op};
      if (!scale.empty()) branch.post_norm = add_scale(module, scale, index);
      return Stage{.branches = {std::move(branch)}};
    };
    Layer layer;
    layer.stages.push_back(
        stage(names.first_norm, add_attention(module + "." + names.attention, index), names.first_scale));
    layer.stages.push_back(stage(names.second_norm, add_feed_forward(module + ".mlp", index), names.second_scale));
    const auto name = vision(part_name("layer", index));
    auto& part = text_.part(name, kVisionLayer, path(module), dims_.hidden, dims_.hidden, std::move(layer));
    part.layer_idx = index;
    part.intermediate_dim = dims_.intermediate;
    return name;
  }

  void add_stack() {
    auto& part = text_.part("vision_encoder", part_type::kVisionEncoder, tower_.module, dims_.channels, dims_.hidden,
                            std::move(stack_));
    part.extra_info = {{"num_layers", dims_.layers},
                       {"layers_read", tower_.layers_read},
                       {"image_size", dims_.image},
                       {"patch_size", dims_.patch}};
  }

  StackBuilder& text_;
  const Tensors& tensors_;
  const Tower& tower_;
  const TowerDims& dims_;
  Stack stack_;
};

}  // namespace

std::int64_t read_side(const ConfigReader& config, std::string_view key, std::int64_t otherwise) {
  if (!config.has(key) || !config.members().at(key).is_array()) return config.dimension(key, otherwise);
  const auto sides = config.indices(key);
  if (sides.size() != 2 || sides.front() < 1) config.refuse(key, "a whole number, or two");
  if (sides.front() != sides.back()) config.unsupported(key, "two sides of which one is longer");
  return sides.front();
}

void add_tower(StackBuilder& text, const Tensors& tensors, const ConfigReader& config, const Tower& tower) {
  require_modules(tensors, tower.names.layers, config, "num_hidden_layers", tower.dims.layers);
  split_into_heads(config, tower.dims.hidden, tower.dims.heads);
  TowerParts(text, tensors, tower).add();
}
