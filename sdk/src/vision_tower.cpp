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
