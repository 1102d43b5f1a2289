// What a checkpoint's config and tensor names tell of a new family.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <garage/model.hpp>

#include "layer_modules.hpp"

namespace garage::cli {

// One of the stack's dimensions, and how this config spells it.
struct Dimension {
  std::string member, key;  // of StackDims: "hidden"; "hidden_size", empty where the config has none that is known
  std::int64_t value = 0;   // of that key
};

struct Facts {
  std::string model_type, architecture, base_class;  // empty where the config does not say
  std::map<std::string, bool, std::less<>> flags;    // keys that are true or false
  std::string whole_numbers;                         // keys with a whole number, for a message
  std::vector<Dimension> dims;                       // hidden, layers, heads, kv_heads, intermediate, vocab, positions
  std::string norm_eps_key, activation_key;  // empty where none was recognised
  bool has_head_dim = false;

  std::string prefix, list;  // "model." and "layers" of "model.layers.0."
  LayerModules layer;        // the first one's
  std::string tensors;       // its names and shapes, as lines of a comment

  std::string embedding, positions, final_norm;  // modules below the prefix; empty where none was recognised
  std::int64_t position_rows = 0;                // of the table of positions
  std::string head;                              // the module beside the base; empty: tied
  bool head_has_bias = false;
  std::string rope_keys;  // that speak of a rope; empty: none does
  bool has_theta = false;

  const Dimension& dim(std::string_view member) const;
  bool says(std::string_view flag, bool value) const;  // the config has the flag, with that value
};

Facts facts_of(const Model& model);

}  // namespace garage::cli
