#include "source.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "block_source.hpp"
#include "undecided_text.hpp"

namespace garage::cli {
namespace {

bool has_llama_keys(const Facts& facts) {
  constexpr const char* kKeys[][2] = {{"hidden", "hidden_size"},
                                      {"layers", "num_hidden_layers"},
                                      {"heads", "num_attention_heads"},
                                      {"intermediate", "intermediate_size"},
                                      {"vocab", "vocab_size"},
                                      {"max_positions", "max_position_embeddings"}};
  for (const auto& [member, key] : kKeys)
    if (facts.dim(member).key != key) return false;
  const auto& kv_heads = facts.dim("kv_heads").key;
  return kv_heads.empty() || kv_heads == "num_key_value_heads";
}

bool has_gpt2_keys(const Facts& facts) {
  return facts.dim("hidden").key == "n_embd" && facts.dim("layers").key == "n_layer" &&
         facts.dim("heads").key == "n_head" && facts.dim("max_positions").key == "n_positions";
}

std::string key_to_decide(const Facts& facts, const std::string& what) {
  return undecided_text("std::int64_t", fmt::format("the config's key for {}: it has whole numbers in {}", what,
                                                    facts.whole_numbers.empty() ? "none" : facts.whole_numbers));
}

// For a config with keys of its own.
std::string own_dims(const Facts& facts) {
  constexpr const char* kRequired[][2] = {{"hidden", "the hidden size"},
                                          {"layers", "the number of layers"},
                                          {"heads", "the number of heads"},
                                          {"intermediate", "the width of a feed-forward"},
                                          {"vocab", "the size of the vocabulary"}};
  std::string text = "StackDims read_dims(const ConfigReader& config) {\n  StackDims dims;\n";
  const auto add = [&](const std::string& member, const std::string& value) {
    text += fmt::format("  dims.{} = {};\n", member, value);
  };
  const auto read = [](const std::string& key) { return fmt::format("config.dimension(\"{}\")", key); };
  for (const auto& [member, what] : kRequired) {
    const auto& key = facts.dim(member).key;
    add(member, key.empty() ? key_to_decide(facts, what) : read(key));
  }
  const auto& kv_heads = facts.dim("kv_heads").key;
  add("kv_heads", kv_heads.empty() ? "dims.heads" : fmt::format("config.dimension(\"{}\", dims.heads)", kv_heads));
  add("head_dim", facts.has_head_dim ? read("head_dim") : "split_into_heads(config, dims.hidden, dims.heads)");
  if (const auto& key = facts.dim("max_positions").key; !key.empty()) add("max_positions", read(key));
  else if (!facts.positions.empty()) add("max_positions", key_to_decide(facts, "the number of positions"));
  return text + "  return dims;\n}\n\n";
}

void add_dims(Words& words, const Facts& facts) {
  words["OWN_DIMS"] = "";
  if (has_llama_keys(facts)) {
    words["READ_DIMS"] = "read_stack_dims(config, {})";
  } else if (has_gpt2_keys(facts)) {
    words["READ_DIMS"] = "read_gpt2_dims(config, {})";
  } else {
    words["READ_DIMS"] = "read_dims(config)";
    words["OWN_DIMS"] = own_dims(facts);
  }
}

std::string names(const Facts& facts) {
  std::vector<std::string> members = {
      ".base_class = " + module_text(facts.base_class, "the class without a head, as transformers calls it"),
      fmt::format(".prefix = \"{}\"", facts.prefix), fmt::format(".layers = \"{}\"", facts.list)};
  if (const auto& key = facts.dim("layers").key; !key.empty())
    members.push_back(fmt::format(".layers_key = \"{}\"", key));
  if (!facts.head.empty() && facts.head != "lm_head") members.push_back(fmt::format(".heads = {{\"{}\"}}", facts.head));
  if (stores_in_out(facts.layer)) members.push_back(".conv1d = true");
  return fmt::format("{}", fmt::join(members, ",\n                       "));
}

std::string rope(const Facts& facts) {
  if (facts.rope_keys.empty())
    return undecided_text("Rope", "how it tells positions: the config speaks of no rope, and the file has no learned "
                                  "positions");
  if (!facts.has_theta)
    return undecided_text("Rope", fmt::format("its rope, of which the config says {}", facts.rope_keys));
  return "read_rope(config, dims)";
}

std::string before_layers(const Facts& facts) {
  auto text = fmt::format("    text.embedding({});\n", module_text(facts.embedding, "the embedding of tokens"));
  const auto positions = facts.dim("max_positions").value;
  if (!facts.positions.empty() && facts.position_rows == positions)
    return text + fmt::format("    text.positions(\"{}\");", facts.positions);
  if (!facts.positions.empty())
    return text + fmt::format("    text.positions(\"{}\", {});", facts.positions,
                              undecided_text("std::int64_t", fmt::format("the row of position 0: there are {} rows and {} "
                                                                         "positions",
                                                                         facts.position_rows, positions)));
  return text + fmt::format(
                    "    // Decide: what its class turns. Halves of each head, as here, or pairs of neighbours "
                    "(RopePairing::interleaved);\n"
                    "    // the whole head, or the part that the config says.\n"
                    "    const auto rope = text.rotary({});",
                    rope(facts));
}

std::string activation(const Facts& facts) {
  return facts.activation_key.empty() ? undecided_text("std::string", "the activation of the feed-forwards")
                                      : fmt::format("config.text(\"{}\")", facts.activation_key);
}

std::string norm(const Facts& facts) {
  const auto eps = facts.norm_eps_key.empty() ? undecided_text("double", "the eps of the norms")
                                              : fmt::format("config.positive(\"{}\")", facts.norm_eps_key);
  return fmt::format("{}({})", norm_style(facts.layer), eps);
}

// The classes that are known, as a list.
std::string classes(const Facts& facts) {
  std::vector<std::string> names;
  for (const auto& name : {facts.architecture, facts.base_class})
    if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  for (auto& name : names) name = fmt::format("\"{}\"", name);
  return fmt::format("{{{}}}", fmt::join(names, ", "));
}

}  // namespace

Words source_words(const Facts& facts) {
  Words words = {{"MODEL_TYPE", facts.model_type},
                 {"CLASSES", classes(facts)},
                 {"TENSORS", facts.tensors},
                 {"ACTIVATION", activation(facts)},
                 {"NAMES", names(facts)},
                 {"NORM", norm(facts)},
                 {"BEFORE_LAYERS", before_layers(facts)},
                 {"STAGES", stages(facts)},
                 {"FINAL_NORM", module_text(facts.final_norm, "the norm after the last layer, if there is one")},
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
