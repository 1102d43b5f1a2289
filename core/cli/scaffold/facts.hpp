// What a checkpoint's config and tensor names tell of a new family.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <garage/model.hpp>

#include "layer_modules.hpp"

namespace garage::cli {

// One of the stack's dimensions, and how this config spells it.
struct Dimension {
  std::string member, key;  // of StackDims: "hidden"; "hidden_size"
  std::int64_t value = 0;
};

struct Facts {
  std::string model_type, architecture, base_class;  // empty where the config does not say
  std::vector<Dimension> dims;                       // hidden, layers, heads, kv_heads, intermediate, vocab, positions
  std::string norm_eps_key, activation_key;

  std::string prefix, list;  // "model." and "layers" of "model.layers.0."
  LayerModules layer;        // the first one's
  std::string tensors;       // its names and shapes, as lines of a comment

  std::string embedding, positions, final_norm;  // modules below the prefix; empty where none was recognised
  std::string head;                              // the module beside the base; empty: tied
  bool head_has_bias = false;
  bool has_rope = false;

  const Dimension& dim(std::string_view member) const;
};

Facts facts_of(const Model& model);

}  // namespace garage::cli
