// transformers: Gemma3nTextAttention, Gemma4TextAttention, _keys_to_ignore_on_load_unexpected of their models.
#include "shared_keys.hpp"

#include <algorithm>

#include <fmt/format.h>

using namespace garage;
using namespace garage::sdk;

SharedKeys::SharedKeys(const ConfigReader& config, const LayerWindows& windows, std::int64_t otherwise)
    : windows_(windows), layers_(static_cast<std::int64_t>(windows.slides.size())) {
  first_ = std::max<std::int64_t>(layers_ - config.count("num_kv_shared_layers", otherwise), 0);
  for (auto layer = first_; layer < layers_; ++layer)
    if (!last_before(windows_.slides_at(layer)))
      config.unsupported("num_kv_shared_layers",
                         fmt::format("that no layer before layer {} has keys of its own and sees as far", layer));
}

std::optional<std::int64_t> SharedKeys::source_of(std::int64_t layer) const {
  return is_shared(layer) ? last_before(windows_.slides_at(layer)) : std::nullopt;
}

bool SharedKeys::is_source(std::int64_t layer) const {
  for (auto shared = first_; shared < layers_; ++shared)
    if (source_of(shared) == layer) return true;
  return false;
}

std::optional<std::int64_t> SharedKeys::last_before(bool slides) const {
  for (auto layer = first_; layer-- > 0;)
    if (windows_.slides_at(layer) == slides) return layer;
  return std::nullopt;
}

void SharedKeys::leave_out(StackBuilder& text) const {
  for (auto layer = first_; layer < layers_; ++layer)
    for (const auto* tensor : {"k_proj.weight", "k_proj.bias", "v_proj.weight", "v_proj.bias", "k_norm.weight"})
      text.ignore(fmt::format("layers.{}.self_attn.{}", layer, tensor),
                  fmt::format("layer {} looks at the keys and values of layer {}", layer, *source_of(layer)));
}
