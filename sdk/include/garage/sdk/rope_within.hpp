// A rope within an attention of a plugin's own code.
#pragma once

#include <string>

#include <garage/sdk/layer_builder.hpp>

namespace garage::sdk {

// Adds rotary_emb_<i>, for the attention's Custom::parts. A part has one place: so each attention has a rope of its own
// in it; of the model they are one module, whose path is module_path.
inline Part rope_within(LayerBuilder& layer, const Rope& rope, const std::string& module_path) {
  auto made = layer.part("rotary_emb", part_type::kRotaryEmb, "", std::nullopt, rope);
  auto& spec = layer.spec_of(made);
  spec.module_path = module_path;
  spec.input_dim = spec.output_dim = rope.dims;
  return made;
}

}  // namespace garage::sdk
