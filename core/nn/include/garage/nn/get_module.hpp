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

struct ModuleOptions {
  torch::Device device = torch::kCPU;
  std::optional<torch::ScalarType> dtype;  // nothing: as the file stores it
};

// On the CPU, in the file's own dtype, parameters are views of the mapped file: nothing is copied. Otherwise the
// part's bytes alone are read and moved. Modules stay valid whatever happens to the registry.
// Throws kNotFound (no such model or part), kUnsupported (the part does not run; a dtype that this LibTorch lacks),
// kCorrupt (the checkpoint changed since it was registered), kIo.
GARAGE_API std::shared_ptr<PartModule> get_module(const ModelRegistry& registry, const std::string& id,
                                                  const std::string& part, const ModuleOptions& options = {});

// The model's assembly, one part after another: token ids in, (batch, seq, vocab) logits out; hidden states where the
// model has no head. Throws the same.
GARAGE_API std::shared_ptr<PartModule> load_model(const ModelRegistry& registry, const std::string& id,
                                                  const ModuleOptions& options = {});

}  // namespace garage::nn
