// What stands before the names of a file's tensors.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <garage/model.hpp>

namespace garage::sdk {

// torch.compile; DataParallel and DeepSpeed; PEFT, with "model."; Lightning, and models saved from within a trainer's;
// Lightning's strategies; FSDP; TRL.
inline constexpr std::string_view kWrappers[] = {
    "_orig_mod.",       "module.",               "base_model.",      "model.",
    "_forward_module.", "_fsdp_wrapped_module.", "pretrained_model."};

struct TensorPrefix {
  std::string wrapper;  // what training wrappers put before every name, "_orig_mod."; mostly none
  std::string inner;    // of the modules in the model's class, after that: "model."

  std::string whole() const { return wrapper + inner; }
};

// The prefix under which most of the layers' tensors lie: a stray tensor under another one does not decide. Of several
// with as many, the one with the shortest wrapper, then the first of inner.
TensorPrefix find_tensor_prefix(const Model& model, const std::string& layers, const std::vector<std::string>& inner);

}  // namespace garage::sdk
