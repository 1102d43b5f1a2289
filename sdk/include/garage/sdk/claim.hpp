// Claims: how `detect` answers from a config.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <garage/decomposer.hpp>

namespace garage::sdk {

// What a family is called in configs.
struct FamilyNames {
  std::string family;
  std::vector<std::string> model_types;    // "llama"
  std::vector<std::string> architectures;  // "LlamaForCausalLM"; compared without regard to case
};

// 100 if model_type is one of the family's, 90 if the config has no model_type and its first architecture is one,
// else 0: a model_type that is somebody else's decides, whatever the architectures say.
Detection claim_by_config(const Model& model, const FamilyNames& names);

// Whether the model is of that type: its model_type, or, where it has none, the name of its architecture
// ("Qwen2MoeForCausalLM" and "Qwen2MoeModel" are of "qwen2_moe").
bool is_of(const Model& model, std::string_view model_type);

// `architectures[0]` and `model_type`, or "" where the config has none.
std::string architecture_of(const Model& model);
std::string model_type_of(const Model& model);

}  // namespace garage::sdk
