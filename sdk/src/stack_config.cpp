#include <garage/sdk/stack_config.hpp>

#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage::sdk {

std::int64_t split_into_heads(const ConfigReader& config, std::int64_t hidden, std::int64_t heads) {
  if (hidden % heads != 0)
    throw Error(Errc::kCorrupt,
                fmt::format("{}: {} heads do not divide a hidden size of {}", config.path(), heads, hidden));
  return hidden / heads;
}

namespace {

// The class's default, where it has one.
std::int64_t dimension(const ConfigReader& config, std::string_view key, std::int64_t otherwise) {
  return otherwise > 0 ? config.dimension(key, otherwise) : config.dimension(key);
}

std::int64_t dimension(const ConfigReader& config, std::initializer_list<std::string_view> names,
                       std::int64_t otherwise) {
  return otherwise > 0 || config.has(config.spelling(names)) ? config.dimension_of(names, otherwise)
                                                             : config.dimension(*names.begin());
}

}  // namespace

StackDims read_stack_dims(const ConfigReader& config, const StackDims& defaults) {
  StackDims dims;
  dims.hidden = dimension(config, "hidden_size", defaults.hidden);
  dims.layers = dimension(config, "num_hidden_layers", defaults.layers);
  dims.heads = dimension(config, "num_attention_heads", defaults.heads);
  dims.intermediate = dimension(config, "intermediate_size", defaults.intermediate);
  dims.vocab = dimension(config, "vocab_size", defaults.vocab);
  dims.max_positions = config.dimension("max_position_embeddings", defaults.max_positions);
  const bool as_many = config.is_null("num_key_value_heads") || defaults.kv_heads == 0;
  dims.kv_heads = config.dimension("num_key_value_heads", as_many ? dims.heads : defaults.kv_heads);
  if (dims.heads % dims.kv_heads != 0)
    config.refuse(config.has("num_key_value_heads") ? "num_key_value_heads" : "num_attention_heads",
                  fmt::format("such that {} kv heads divide {} heads", dims.kv_heads, dims.heads));
  if (const auto head_dim = config.maybe_dimension("head_dim")) dims.head_dim = *head_dim;
  else if (defaults.head_dim > 0 && !config.is_null("head_dim")) dims.head_dim = defaults.head_dim;
  else dims.head_dim = split_into_heads(config, dims.hidden, dims.heads);
  return dims;
}

// GPT2Config.attribute_map
StackDims read_gpt2_dims(const ConfigReader& config, const StackDims& defaults) {
  StackDims dims;
  dims.hidden = dimension(config, {"n_embd", "hidden_size"}, defaults.hidden);
  dims.layers = dimension(config, {"n_layer", "num_hidden_layers"}, defaults.layers);
  dims.heads = dims.kv_heads = dimension(config, {"n_head", "num_attention_heads"}, defaults.heads);
  dims.head_dim = split_into_heads(config, dims.hidden, dims.heads);
  dims.intermediate = config.dimension("n_inner", defaults.intermediate > 0 ? defaults.intermediate : 4 * dims.hidden);
  dims.vocab = dimension(config, "vocab_size", defaults.vocab);
  dims.max_positions = config.dimension_of({"n_positions", "max_position_embeddings"}, defaults.max_positions);
  return dims;
}

bool read_tie(const ConfigReader& config, bool otherwise) { return config.flag("tie_word_embeddings", otherwise); }

}  // namespace garage::sdk
