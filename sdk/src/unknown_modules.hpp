// Tensors of modules that a model's class does not have: a value head, layers that predict further tokens.
#pragma once

#include <string>
#include <vector>

#include <garage/model.hpp>
#include <garage/spec.hpp>

namespace garage::sdk {

// How the file's names are made up.
struct ModuleNames {
  std::string model_class;               // "LlamaForCausalLM"
  std::string wrapper, prefix;           // before every name; before those of the base's modules, wrapper included
  std::vector<std::string> own_modules;  // in the file, as far as the spec's tensors do not name them: "lm_head"
};

// Says of each such module that its tensors are left out. A module is what stands directly under the prefix, or beside
// the base. Tensors of modules that the class does have are left to the accounting, and so are all where there are more
// modules than a class could lack.
void leave_out_unknown_modules(ModelSpec& spec, const Model& model, const ModuleNames& names);

}  // namespace garage::sdk
