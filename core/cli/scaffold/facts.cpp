#include "facts.hpp"

#include <algorithm>

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

// The first of the keys that the config has a number for.
Dimension dimension(const boost::json::object& config, std::string member, std::initializer_list<const char*> keys) {
  for (const auto* key : keys)
    if (const auto* value = config.if_contains(key); value && value->is_int64())
      return {std::move(member), key, value->get_int64()};
  return {std::move(member), {}, 0};
}

std::vector<Dimension> dimensions(const boost::json::object& config) {
  return {
      dimension(config, "hidden", {"hidden_size", "n_embd", "d_model", "dim"}),
      dimension(config, "layers", {"num_hidden_layers", "n_layer", "num_layers", "n_layers"}),
      dimension(config, "heads", {"num_attention_heads", "n_head", "num_heads", "n_heads"}),
      dimension(config, "kv_heads", {"num_key_value_heads", "num_kv_heads", "n_kv_heads", "n_head_kv"}),
      dimension(config, "intermediate", {"intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size"}),
      dimension(config, "vocab", {"vocab_size"}),
      dimension(config, "max_positions", {"max_position_embeddings", "n_positions", "max_seq_len"}),
  };
}

// The first of the keys that the config has a value of that kind for; empty when there is none.
template <class IsWanted>
std::string key_of(const boost::json::object& config, std::initializer_list<const char*> keys, IsWanted is_wanted) {
  for (const auto* key : keys)
    if (const auto* value = config.if_contains(key); value && is_wanted(*value)) return key;
  return {};
}

// "rotary_dim, rope_theta"
template <class IsWanted>
std::string keys_that(const boost::json::object& config, IsWanted is_wanted) {
  std::string keys;
  for (const auto& member : config)
    if (is_wanted(member)) keys += (keys.empty() ? "" : ", ") + std::string(member.key());
  return keys;
}

bool speaks_of_rope(const boost::json::key_value_pair& member) {
  const auto key = member.key();
  return !member.value().is_null() &&
         (key.starts_with("rope_") || key.starts_with("rotary_") || key == "partial_rotary_factor");
}

bool has_theta(const boost::json::object& config) {
  if (config.contains("rope_theta")) return true;
  const auto* parameters = config.if_contains("rope_parameters");
  return parameters && parameters->is_object() && parameters->get_object().contains("rope_theta");
}

// The class without a head, as transformers calls it: "OlmoModel" of OlmoForCausalLM, GPT2Model of GPT2LMHeadModel.
std::string base_of(const std::string& architecture) {
  constexpr std::string_view kModel = "Model", kHead = "LMHeadModel";
  if (const auto at = architecture.find("For"); at != architecture.npos && at > 0)
    return architecture.substr(0, at) + std::string(kModel);
  if (architecture.ends_with(kHead))
    return architecture.substr(0, architecture.size() - kHead.size()) + std::string(kModel);
  return architecture.ends_with(kModel) ? architecture : std::string();
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

bool is_of_positions(const std::string& module) {
  return module.find("position") != module.npos || module == "wpe" || module == "pos_emb";
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
    } else if (tensor.shape.size() == 2 && tensor.shape[1] == hidden && below && is_of_positions(inner)) {
      facts.positions = inner;
      facts.position_rows = tensor.shape[0];
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

bool Facts::says(std::string_view flag, bool value) const {
  const auto found = flags.find(flag);
  return found != flags.end() && found->second == value;
}

Facts facts_of(const Model& model) {
  Facts facts{.layer = {model, ""}};
  const auto& config = model.config();
  facts.model_type = text_of(config, "model_type");
  facts.architecture = first_architecture(config);
  facts.base_class = base_of(facts.architecture);
  facts.dims = dimensions(config);
  for (const auto& [key, value] : config)
    if (value.is_bool()) facts.flags.emplace(key, value.get_bool());
  facts.whole_numbers = keys_that(config, [](const auto& member) { return member.value().is_int64(); });
  facts.has_head_dim = config.contains("head_dim") && config.at("head_dim").is_int64();
  facts.norm_eps_key =
      key_of(config, {"layer_norm_eps", "layer_norm_epsilon", "norm_epsilon", "norm_eps", "rms_norm_eps"},
             [](const auto& value) { return value.is_number(); });
  facts.activation_key = key_of(config, {"activation_function", "hidden_act", "hidden_activation"},
                                [](const auto& value) { return value.is_string(); });
  find_layers(facts, model);
  const auto start = facts.prefix + facts.list + ".0.";
  facts.layer = {model, start};
  facts.tensors = tensor_lines(model, start);
  find_outside(facts, model);
  facts.head_has_bias = model.find(facts.head + ".bias") != nullptr;
  facts.rope_keys = keys_that(config, speaks_of_rope);
  facts.has_theta = has_theta(config);
  return facts;
}

}  // namespace garage::cli
