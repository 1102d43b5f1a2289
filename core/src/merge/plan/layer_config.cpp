#include "layer_config.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage {
namespace {

using boost::json::array;
using boost::json::object;
using boost::json::value;

constexpr std::array<std::string_view, 5> kCounts = {"num_hidden_layers", "n_layer", "n_layers", "num_layers",
                                                     "num_decoder_layers"};
// An entry a layer, where they are lists.
constexpr std::array<std::string_view, 13> kLists = {
    "layer_types",   "mlp_layer_types",     "layers_block_type",   "block_types",     "intermediate_size",
    "ffn_dim",       "num_attention_heads", "num_key_value_heads", "num_query_heads", "activation_sparsity_pattern",
    "block_configs", "no_rope_layers",      "attention_layers"};
// Numbers of layers.
constexpr std::array<std::string_view, 7> kNumbers = {"mlp_only_layers",   "moe_layers",       "attn_layer_indices",
                                                      "full_attn_idxs",    "hybrid_layer_ids", "cross_attention_layers",
                                                      "global_attn_layers"};
// So many of the first layers.
constexpr std::array<std::string_view, 4> kFirst = {"max_window_layers", "first_k_dense_replace", "num_dense_layers",
                                                    "n_dense_layers"};
// So many of the last layers.
constexpr std::array<std::string_view, 1> kLast = {"num_kv_shared_layers"};

boost::json::string_view key_of(std::string_view text) { return {text.data(), text.size()}; }

bool says_count(const object& config, std::int64_t layers) {
  return std::any_of(kCounts.begin(), kCounts.end(), [&](auto key) {
    const auto* count = config.if_contains(key_of(key));
    return count && count->is_int64() && count->get_int64() == layers;
  });
}

// The layers of the result that satisfy.
std::int64_t count_while(const std::vector<ConfigLayer>& layers, bool from_end,
                         const std::function<bool(const ConfigLayer&)>& holds) {
  std::int64_t count = 0;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (!holds(layers[from_end ? layers.size() - 1 - i : i])) break;
    ++count;
  }
  return count;
}

class Follower {
 public:
  Follower(object& config, const ModelSpec& base, const std::vector<ConfigLayer>& layers)
      : config_(config), base_(base), layers_(layers) {}

  void follow() {
    for (const auto key : kCounts)
      if (auto* count = config_.if_contains(key_of(key)); count && count->is_int64() && *count == base_.num_layers)
        *count = static_cast<std::int64_t>(layers_.size());
    for (const auto key : kLists) follow_list(key_of(key));
    for (const auto key : kNumbers) follow_numbers(key_of(key));
    for (const auto key : kFirst) follow_edge(key_of(key), false);
    for (const auto key : kLast) follow_edge(key_of(key), true);
    spell_out_windows();
    spell_out_sparse_step();
  }

 private:
  // What the config that a layer comes from says under a key.
  static const value* said_of(const ConfigLayer& layer, boost::json::string_view key) {
    const auto* own = layers_object(*layer.config, layer.spec->num_layers);
    return own ? own->if_contains(key) : nullptr;
  }

  void follow_list(boost::json::string_view key) {
    const auto* list = list_of(config_.if_contains(key), base_.num_layers);
    if (!list) return;
    array entries;
    for (const auto& layer : layers_) {
      const auto* own = list_of(said_of(layer, key), layer.spec->num_layers);
      const auto& from = own ? *own : *list;
      if (layer.layer >= static_cast<std::int64_t>(from.size())) return;
      entries.push_back(from[static_cast<std::size_t>(layer.layer)]);
    }
    config_[key] = std::move(entries);
  }

  static const array* list_of(const value* said, std::int64_t layers) {
    const auto* list = said ? said->if_array() : nullptr;
    return list && static_cast<std::int64_t>(list->size()) == layers ? list : nullptr;
  }

  void follow_numbers(boost::json::string_view key) {
    const auto* said = config_.if_contains(key);
    if (!said || !said->is_array()) return;
    array numbers;
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      const auto* own = said_of(layers_[i], key);
      const auto* list = own ? own->if_array() : nullptr;
      if (list && std::find(list->begin(), list->end(), value(layers_[i].layer)) != list->end())
        numbers.push_back(static_cast<std::int64_t>(i));
    }
    config_[key] = std::move(numbers);
  }

  void follow_edge(boost::json::string_view key, bool from_end) {
    const auto* said = config_.if_contains(key);
    if (!said || !said->is_int64()) return;
    config_[key] = count_while(layers_, from_end, [&](const ConfigLayer& layer) {
      const auto* own = said_of(layer, key);
      if (!own || !own->is_int64()) return false;
      const auto edge = own->get_int64();
      return from_end ? layer.layer >= layer.spec->num_layers - edge : layer.layer < edge;
    });
  }

  // Where a rule says which layers have a window, a list does from now on: the rule counts layers.
  void spell_out_windows() {
    if (config_.contains("layer_types")) return;
    array types;
    bool differ = false;
    for (const auto& layer : layers_) {
      const auto* part = layer.spec->get_attention(layer.layer);
      const auto* attention = part && part->blueprint ? std::get_if<Attention>(&*part->blueprint) : nullptr;
      if (!attention) return;
      types.emplace_back(attention->mask.window ? "sliding_attention" : "full_attention");
      differ = differ || types.back() != types.front();
    }
    if (differ) config_["layer_types"] = std::move(types);
  }

  // Every so manieth feed-forward is a mixture: from now on all are, but for those of a list.
  void spell_out_sparse_step() {
    const auto* step = config_.if_contains("decoder_sparse_step");
    if (!step || !step->is_int64() || step->get_int64() <= 1) return;
    array dense;
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      const auto* part = layers_[i].spec->get_ffn(layers_[i].layer);
      if (part && part->blueprint && std::holds_alternative<FeedForward>(*part->blueprint))
        dense.push_back(static_cast<std::int64_t>(i));
    }
    config_["decoder_sparse_step"] = 1;
    config_["mlp_only_layers"] = std::move(dense);
  }

  object& config_;
  const ModelSpec& base_;
  const std::vector<ConfigLayer>& layers_;
};

bool is_as_it_was(const object& base, const ModelSpec& spec, const std::vector<ConfigLayer>& layers) {
  if (static_cast<std::int64_t>(layers.size()) != spec.num_layers) return false;
  for (std::size_t i = 0; i < layers.size(); ++i)
    if (layers[i].config != &base || layers[i].layer != static_cast<std::int64_t>(i)) return false;
  return true;
}

}  // namespace

const object* layers_object(const object& config, std::int64_t layers) {
  for (const auto* name : {"text_config", "language_config", "llm_config", "thinker_config"})
    if (const auto* inner = config.if_contains(name); inner && inner->is_object())
      if (const auto* found = layers_object(inner->get_object(), layers)) return found;
  return says_count(config, layers) ? &config : nullptr;
}

object config_of_layers(const object& base, const ModelSpec& spec, const std::vector<ConfigLayer>& layers) {
  auto config = base;
  if (is_as_it_was(base, spec, layers)) return config;
  auto* own = const_cast<object*>(layers_object(config, spec.num_layers));
  if (!own)
    throw Error(Errc::kUnsupported,
                fmt::format("the base's config.json says its {} layers under no key that is known, so "
                            "that it cannot say {}",
                            spec.num_layers, layers.size()));
  Follower(*own, spec, layers).follow();
  return config;
}

}  // namespace garage
