// Laying adapters over a model: each tensor that they change is stood for by its own numbers and theirs.
#pragma once

#include <vector>

#include "../contents.hpp"

namespace garage {

// Tensors that a LoRA changes become base + weight * scale * (B A), of float32 numbers, one adapter after another in
// their order: what PEFT computes with all of them active and each scaled (LoraLayer.scale_layer), or of combination
// "cat". Its "linear" adds A and B up before it multiplies them, and is none of this. Tensors that an adapter has whole
// (modules_to_save, biases) stand in the place of the model's.
//
// Requires  contents are complete: logical tensors alone.
// Throws    kNotFound, kIo, kInvalidArgument (a weight that is not finite), kCorrupt (an adapter breaks its format's
//           rules or is another model's: names and shapes), kUnsupported (another kind of adapter; what PEFT does not
//           define: DoRA with a weight or among others, several adapters of which one replaces a tensor).
void lay_adapters(Contents& contents, const std::vector<AdapterUse>& adapters);

}  // namespace garage
