// Checkpoints that bring code of their own (auto_map).
#pragma once

#include <string>

#include <garage/model.hpp>
#include <garage/sdk/model_class.hpp>

namespace garage::sdk {

// Such code may compute anything; LLM2Vec's classes, of Llama's and Mistral's names and tensors, look both ways.
// Throws kUnsupported where the model's class is not beside the base class, and code for it is the checkpoint's own.
void refuse_code_of_its_own(const Model& model, const ModelClass& of, const std::string& base_class);

}  // namespace garage::sdk
