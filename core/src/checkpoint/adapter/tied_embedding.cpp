#include "tied_embedding.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

namespace garage {
namespace {

namespace json = boost::json;

// What models call them, where their size does not tell.
constexpr std::array<std::string_view, 9> kNames = {"embed_tokens",  "wte",     "word_embeddings", "embed_in",
                                                    "shared",        "lm_head", "embed_out",       "tok_embeddings",
                                                    "word_embedding"};

// Of the config or what it has of its text model.
template <class Look>
void look_at_each(const json::object& config, const Look& look) {
  look(config);
  for (const auto* key : {"text_config", "decoder"})
    if (const auto* inner = config.if_contains(key); inner && inner->is_object()) look(inner->get_object());
}

std::optional<bool> says_tied(const json::object& config) {
  std::optional<bool> says;
  look_at_each(config, [&](const json::object& object) {
    const auto* value = object.if_contains("tie_word_embeddings");
    if (value && value->is_bool()) says = says.value_or(false) || value->get_bool();
  });
  return says;
}

bool is_of_vocabulary(const Contents& contents, const TensorInfo& tensor) {
  if (tensor.shape.size() != 2) return false;
  auto module = std::string_view(tensor.name).substr(0, tensor.name.rfind('.'));
  module.remove_prefix(module.rfind('.') + 1);
  if (std::find(kNames.begin(), kNames.end(), module) != kNames.end()) return true;
  bool is_size = false;
  look_at_each(contents.config, [&](const json::object& object) {
    const auto* size = object.if_contains("vocab_size");
    is_size = is_size || (size && size->is_int64() && size->get_int64() == tensor.shape[0]);
  });
  return is_size;
}

// "BertModel" computes no tokens, "GPT2LMHeadModel" does.
bool is_without_head(const json::object& config) {
  const auto* classes = config.if_contains("architectures");
  if (!classes || !classes->is_array() || classes->get_array().empty()) return false;
  const auto* name = classes->get_array().front().if_string();
  return name && name->ends_with("Model") && name->find("LMHead") == name->npos;
}

}  // namespace

bool may_be_tied(const Contents& contents, const TensorInfo& tensor, bool is_embedding) {
  if (!is_embedding && !is_of_vocabulary(contents, tensor)) return false;
  const auto says = says_tied(contents.config);
  if (says == false) return false;
  const bool has_other = std::any_of(contents.tensors.begin(), contents.tensors.end(), [&](const auto& other) {
    return other.info.name != tensor.name && other.info.shape == tensor.shape;
  });
  if (!says && has_other) return false;
  return has_other || !is_without_head(contents.config);
}

}  // namespace garage
