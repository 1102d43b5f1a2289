// What stands before the names of a file's tensors.
#pragma once

#include <string>
#include <vector>

#include <garage/model.hpp>

namespace garage::sdk {

struct TensorPrefix {
  std::string wrapper;  // what training wrappers put before every name, "_orig_mod."; mostly none
  std::string inner;    // of the modules in the model's class, after that: "model."

  std::string whole() const { return wrapper + inner; }
};

// The prefix under which most of the layers' tensors lie: a stray tensor under another one does not decide. Of several
// with as many, the one with the shortest wrapper, then the first of inner.
TensorPrefix find_tensor_prefix(const Model& model, const std::string& layers, const std::vector<std::string>& inner);

}  // namespace garage::sdk
