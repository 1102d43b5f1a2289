// Two stacks as one model: each is built as a stack of its own, and joined once both are finished.
//
//   StackBuilder encoder(model, {.prefix = "encoder.", ...}, dims);   // parts as in any stack: "layer_0", "attention_0"
//   StackBuilder decoder(model, {.prefix = "decoder.", ...}, dims);   // its gqa with .from_memory is cross_attention_0
//   return joined(encoder.finish(), decoder.finish());                // "encoder.layer_0", "decoder.cross_attention_0"
#pragma once

#include <garage/spec.hpp>

namespace garage::sdk {

// Parts are named after their side; heads, which lie beside both, keep their names. What the model is as a whole the
// encoder's spec says, but for its layers, which are those of both; extra_info has encoder_layers, decoder_layers and
// decoder_heads. Where both embed by one tensor, it is the encoder's.
ModelSpec joined(ModelSpec encoder, ModelSpec decoder);

}  // namespace garage::sdk
