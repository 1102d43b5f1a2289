// What stands before the names of a file's tensors.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <garage/model.hpp>

namespace garage::sdk {

// Modules that no class has, wherever they stand: torch.compile's, FSDP's, activation checkpointing's, and that of
// Lightning's strategies.
inline constexpr std::string_view kWrapperModules[] = {"_orig_mod.", "_fsdp_wrapped_module.",
                                                       "_checkpoint_wrapped_module.", "_forward_module."};

// Those, and what is a wrapper only before every name: DataParallel's and DeepSpeed's; PEFT's, with "model.";
// Lightning's, and of models saved from within a trainer's; TRL's.
inline constexpr std::string_view kWrappers[] = {
    "_orig_mod.", "_fsdp_wrapped_module.", "_checkpoint_wrapped_module.", "_forward_module.", "module.", "base_model.",
    "model.",     "pretrained_model."};

// How many characters of wrappers a name begins with.
std::size_t wrappers_before(std::string_view name);

struct TensorPrefix {
  std::string wrapper;  // what training wrappers put before every name, "_orig_mod."; mostly none
  std::string inner;    // of the modules in the model's class, after that: "model."

  std::string whole() const { return wrapper + inner; }
};

// The prefix under which most of the layers' tensors lie: a stray tensor under another one does not decide. Of several
// with as many, the one with the shortest wrapper, then the first of inner.
TensorPrefix find_tensor_prefix(const Model& model, const std::string& layers, const std::vector<std::string>& inner);

}  // namespace garage::sdk
