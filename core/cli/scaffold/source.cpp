#include "source.hpp"

#include <fmt/format.h>

#include "block_source.hpp"

namespace garage::cli {
namespace {

std::string defaults(const Facts& facts) {
  std::vector<std::string> members;
  for (const auto& [member, key, value] : facts.dims)
    if (value > 0) members.push_back(fmt::format(".{} = {}", member, value));
  return fmt::format("{}", fmt::join(members, ", "));
}

bool has_llama_keys(const Facts& facts) {
  constexpr const char* kKeys[][2] = {{"hidden", "hidden_size"},
                                      {"layers", "num_hidden_layers"},
                                      {"heads", "num_attention_heads"},
                                      {"kv_heads", "num_key_value_heads"},
                                      {"intermediate", "intermediate_size"},
                                      {"max_positions", "max_position_embeddings"}};
  for (const auto& [member, key] : kKeys)
    if (facts.dim(member).key != key) return false;
  return true;
}

bool has_gpt2_keys(const Facts& facts) {
  return facts.dim("hidden").key == "n_embd" && facts.dim("layers").key == "n_layer" &&
         facts.dim("heads").key == "n_head" && facts.dim("max_positions").key == "n_positions";
}

// For a config with keys of its own.
std::string own_dims(const Facts& facts) {
  std::string text = "StackDims read_dims(const ConfigReader& config) {\n  StackDims dims;\n";
  for (const auto& [member, key, value] : facts.dims)
    text += fmt::format("  dims.{0} = config.dimension(\"{1}\", {2});\n", member, key,
                        member == "kv_heads" ? "dims.heads" : "kDefaults." + member);
  return text + "  dims.head_dim = split_into_heads(config, dims.hidden, dims.heads);\n  return dims;\n}\n\n";
}

void add_dims(Words& words, const Facts& facts) {
  words["DEFAULTS"] = defaults(facts);
  words["OWN_DIMS"] = "";
  if (has_llama_keys(facts)) {
    words["READ_DIMS"] = "read_stack_dims(config, kDefaults)";
  } else if (has_gpt2_keys(facts)) {
    words["READ_DIMS"] = "read_gpt2_dims(config, kDefaults)";
  } else {
    words["READ_DIMS"] = "read_dims(config)";
    words["OWN_DIMS"] = own_dims(facts);
  }
}

std::string names(const Facts& facts) {
  std::vector<std::string> members = {
      fmt::format(".base_class = \"{}\"", facts.base_class), fmt::format(".prefix = \"{}\"", facts.prefix),
      fmt::format(".layers = \"{}\"", facts.list), fmt::format(".layers_key = \"{}\"", facts.dim("layers").key)};
  if (!facts.head.empty() && facts.head != "lm_head") members.push_back(fmt::format(".heads = {{\"{}\"}}", facts.head));
  if (stores_in_out(facts.layer)) members.push_back(".conv1d = true");
  return fmt::format("{}", fmt::join(members, ",\n                       "));
}

std::string before_layers(const Facts& facts) {
  auto text = fmt::format("    text.embedding({});\n", module_text(facts.embedding));
  if (!facts.positions.empty()) text += fmt::format("    text.positions(\"{}\");\n", facts.positions);
  if (facts.has_rope)
    text +=
        "    // Decide: whether it has a rope, and what its config class says of one (RopeDefaults).\n"
        "    const auto rope = text.rotary(read_rope(config, dims));\n";
  return text.substr(0, text.size() - 1);
}

}  // namespace

Words source_words(const Facts& facts) {
  Words words = {{"MODEL_TYPE", facts.model_type},
                 {"ARCHITECTURE", facts.architecture},
                 {"BASE_CLASS", facts.base_class},
                 {"TENSORS", facts.tensors},
                 {"NORM_EPS_KEY", facts.norm_eps_key},
                 {"ACTIVATION_KEY", facts.activation_key},
                 {"NAMES", names(facts)},
                 {"NORM", norm_style(facts.layer)},
                 {"BEFORE_LAYERS", before_layers(facts)},
                 {"STAGES", stages(facts)},
                 {"FINAL_NORM", module_text(facts.final_norm)},
                 {"TIED", facts.head.empty() ? "true" : "false"},
                 {"HEAD_BIAS", facts.head_has_bias ? ", .bias = true" : ""}};
  add_dims(words, facts);
  return words;
}

std::string filled(std::string text, const Words& words) {
  for (const auto& [word, value] : words)
    for (auto at = text.find("@" + word + "@"); at != text.npos; at = text.find("@" + word + "@", at + value.size()))
      text.replace(at, word.size() + 2, value);
  return text;
}

}  // namespace garage::cli
