// What PEFT calls the tensors of a LoRA (peft/utils/save_and_load.py, get_peft_model_state_dict):
//
//   base_model.model.<module>.lora_A[.<adapter>].weight     [rank, in]
//   base_model.model.<module>.lora_B[.<adapter>].weight     [out, rank]; .bias: [out], with lora_bias
//   base_model.model.<module>.lora_embedding_A[.<adapter>]  [rank, vocabulary]; lora_embedding_B: [hidden, rank]
//   base_model.model.<module>.lora_magnitude_vector[.<adapter>][.weight]  [out], with use_dora
//   base_model.model.<tensor>   stands in the place of the model's: modules_to_save, bias, a resized embedding. Of a
//                               module that has a LoRA, too, it is <module>.base_layer.<parameter>; where the state
//                               dict was saved by others, <module>.modules_to_save[.<adapter>].<parameter>
//
// <adapter> is left out where PEFT saves, and is there where others do. transformers' add_adapter has no
// base_model.model.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace garage {

struct AdapterTensorName {
  enum class Role { kA, kB, kBias, kEmbeddingA, kEmbeddingB, kMagnitude, kWhole, kUnknown };
  Role role = Role::kUnknown;
  std::string_view module;   // of kWhole: the tensor
  std::string_view adapter;  // empty where it is not said
};

// kUnknown: it has "lora_", and is none of these.
AdapterTensorName adapter_tensor_name(std::string_view name);

// The tensors of the model in whose place one of kWhole may stand: the first that is there is meant.
std::vector<std::string> places_of(std::string_view whole);

}  // namespace garage
