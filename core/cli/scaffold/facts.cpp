#include "facts.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage::cli {
namespace {

std::string text_of(const boost::json::object& config, std::string_view key) {
  const auto* value = config.if_contains(key);
  return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::string first_architecture(const boost::json::object& config) {
  const auto* list = config.if_contains("architectures");
  const bool has_one = list && list->is_array() && !list->get_array().empty() && list->get_array().front().is_string();
  return has_one ? std::string(list->get_array().front().get_string()) : std::string();
}

// The first of the keys that the config has a number for, or the first of all.
Dimension dimension(const boost::json::object& config, std::string member, std::initializer_list<const char*> keys,
                    std::int64_t otherwise) {
  for (const auto* key : keys)
    if (const auto* value = config.if_contains(key); value && value->is_int64())
      return {std::move(member), key, value->get_int64()};
  return {std::move(member), *keys.begin(), otherwise};
}

std::vector<Dimension> dimensions(const boost::json::object& config) {
  return {
      dimension(config, "hidden", {"hidden_size", "n_embd", "d_model", "dim"}, 64),
      dimension(config, "layers", {"num_hidden_layers", "n_layer", "num_layers", "n_layers"}, 2),
      dimension(config, "heads", {"num_attention_heads", "n_head", "num_heads", "n_heads"}, 4),
      dimension(config, "kv_heads", {"num_key_value_heads", "num_kv_heads", "n_kv_heads"}, 0),
      dimension(config, "intermediate", {"intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size"}, 0),
      dimension(config, "vocab", {"vocab_size"}, 128),
      dimension(config, "max_positions", {"max_position_embeddings", "n_positions", "max_seq_len"}, 256),
  };
}

// The key that the config has, or the last of all.
std::string key_of(const boost::json::object& config, std::initializer_list<const char*> keys) {
  for (const auto* key : keys)
    if (config.contains(key)) return key;
  return *(keys.end() - 1);
}

bool says_rope(const boost::json::object& config) {
  return std::any_of(config.begin(), config.end(), [](const auto& member) {
    return member.key().starts_with("rope_") || member.key().starts_with("rotary_") ||
           member.key() == "partial_rotary_factor";
  });
}

// Where the layers are: what most tensors have before ".0.".
void find_layers(Facts& facts, const Model& model) {
  std::map<std::string, int> counts;
  for (const auto& tensor : model.tensors())
    if (const auto at = tensor.name.find(".0."); at != tensor.name.npos) ++counts[tensor.name.substr(0, at)];
  const auto most =
      std::max_element(counts.begin(), counts.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  const auto path = most == counts.end() ? std::string("model.layers") : most->first;
  facts.list = last_word_of(path);
  facts.prefix = path.substr(0, path.size() - facts.list.size());
}

// Embeddings, the last norm and the head are told by their shapes.
void find_outside(Facts& facts, const Model& model) {
  const auto hidden = facts.dim("hidden").value;
  for (const auto& tensor : model.tensors()) {
    if (tensor.name.find(facts.list + ".") != tensor.name.npos || !tensor.name.ends_with(".weight")) continue;
    const auto module = tensor.name.substr(0, tensor.name.size() - std::string_view(".weight").size());
    const bool below = module.starts_with(facts.prefix);
    const auto inner = below ? module.substr(facts.prefix.size()) : module;
    if (tensor.shape == std::vector{facts.dim("vocab").value, hidden}) {
      if (module.find("head") != module.npos || module.find("out") != module.npos) facts.head = module;
      else if (below) facts.embedding = inner;
    } else if (tensor.shape == std::vector{facts.dim("max_positions").value, hidden} && below) {
      facts.positions = inner;
    } else if (tensor.shape == std::vector{hidden} && below) {
      facts.final_norm = inner;
    }
  }
}

// What each tensor of a layer is called.
std::string tensor_lines(const Model& model, const std::string& start) {
  std::string text;
  for (const auto& tensor : model.tensors())
    if (tensor.name.starts_with(start)) text += fmt::format("//   {} {}\n", tensor.name, shape_text(tensor.shape));
  return text.empty() ? "//   (no layer was found)" : text.substr(0, text.size() - 1);
}

}  // namespace

const Dimension& Facts::dim(std::string_view member) const {
  for (const auto& dimension : dims)
    if (dimension.member == member) return dimension;
  throw Error(Errc::kInternal, fmt::format("no dimension '{}'", member));
}

Facts facts_of(const Model& model) {
  Facts facts{.layer = {model, ""}};
  const auto& config = model.config();
  facts.model_type = text_of(config, "model_type");
  facts.architecture = first_architecture(config);
  facts.base_class = facts.architecture.substr(0, facts.architecture.find("For")) + "Model";
  facts.dims = dimensions(config);
  facts.norm_eps_key =
      key_of(config, {"layer_norm_eps", "layer_norm_epsilon", "norm_epsilon", "norm_eps", "rms_norm_eps"});
  facts.activation_key = key_of(config, {"activation_function", "hidden_act"});
  find_layers(facts, model);
  const auto start = facts.prefix + facts.list + ".0.";
  facts.layer = {model, start};
  facts.tensors = tensor_lines(model, start);
  find_outside(facts, model);
  facts.head_has_bias = model.find(facts.head + ".bias") != nullptr;
  facts.has_rope = says_rope(config) || facts.positions.empty();
  return facts;
}

}  // namespace garage::cli
