// Claims: how `detect` answers.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <garage/decomposer.hpp>

namespace garage::sdk {

// What the tensors of a first layer are called in one family and in no other, so that weights without a config can be
// recognised. Names are below the layer: "self_attn.qkv_proj.weight".
struct LayerMarks {
  std::vector<std::string> has, lacks;  // all of the first are there, none of the second
  // What names do not tell; layer is the prefix of the layer's tensors, "model.layers.0.". Null: nothing.
  std::function<bool(const Model& model, const std::string& layer)> also = nullptr;
  std::string list = "layers";  // what the layers are in
};

// What a family is called in configs, and how it is known without one.
struct FamilyNames {
  std::string family;
  std::vector<std::string> model_types;    // "llama"
  std::vector<std::string> architectures;  // "LlamaForCausalLM"; whatever the case, and whatever its head
  std::vector<LayerMarks> marks;           // of its variants; none: names and shapes are others' too
};

// 100 if model_type is one of the family's, 90 if the config has no model_type and its first architecture is one, 60
// if there is no config and the first layer bears one of the marks; else 0: a model_type that is somebody else's
// decides, whatever the architectures and the tensors say.
Detection claim(const Model& model, const FamilyNames& names);

// Whether the model is of that type: its model_type, or, where it has none, the name of its architecture
// ("Qwen2MoeForCausalLM" and "Qwen2MoeModel" are of "qwen2_moe"). Where a type ends in _text, since another sees, the
// causal model bears the name of both: "Gemma3ForCausalLM" is of "gemma3_text", and of "gemma3".
bool is_of(const Model& model, std::string_view model_type);

// `architectures[0]` and `model_type`, or "" where the config has none.
std::string architecture_of(const Model& model);
std::string model_type_of(const Model& model);

}  // namespace garage::sdk
