// Parts of registered models as modules, and whole models put together again from them.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include <torch/types.h>

#include <garage/export.hpp>
#include <garage/nn/part_module.hpp>
#include <garage/registry.hpp>

namespace garage::nn {

// What a caller says instead of the config's `devices`; nothing: as the config says (of an extracted part, which has
// none: the CPU, as stored).
struct ModuleOptions {
  std::optional<torch::Device> device;
  std::optional<torch::ScalarType> dtype;
  bool keep_dtype = false;          // the dtype that the file stores, whatever the config says
  std::optional<bool> keep_packed;  // encoded weights stay as they are stored, and are decoded whenever they are used
};

// What is run together computes in one dtype: the options', else the config's, else the widest in which it is stored.
// On the CPU, in the file's own dtype, parameters are views of the mapped file: nothing is copied. Otherwise the
// part's bytes alone are read and moved. Modules stay valid whatever happens to the registry; of a file that is
// mapped somebody may cut off or rewrite the rest, and then forward throws kCorrupt: the process lives.
// Threads: may be called from several threads at once.
// Throws kNotFound (no such model or part), kUnsupported (the part does not run; a dtype that this LibTorch lacks; a
// device that is not there), kCorrupt (the checkpoint changed since it was registered), kIo.
GARAGE_API std::shared_ptr<PartModule> get_module(const ModelRegistry& registry, const std::string& id,
                                                  const std::string& part, const ModuleOptions& options = {});

// The model's root, which is all of it: token ids in, (batch, seq, vocab) logits out; hidden states where the
// model has no head. Each part runs where the config says; what goes from one to the next is moved. Throws the same.
GARAGE_API std::shared_ptr<PartModule> load_model(const ModelRegistry& registry, const std::string& id,
                                                  const ModuleOptions& options = {});

}  // namespace garage::nn
