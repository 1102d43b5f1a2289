// TensorStore: the tensors of one registered checkpoint, by TensorRef.
//
// Threads  Not for several threads at once; the tensors that it hands out are independent of it.
#pragma once

#include <map>
#include <memory>
#include <string>

#include <torch/types.h>

#include <garage/checkpoint.hpp>
#include <garage/nn/get_module.hpp>
#include <garage/spec.hpp>

#include "mapped_file.hpp"

namespace garage::nn {

class TensorStore {
 public:
  // Throws kCorrupt when the checkpoint is no longer the one that the spec was made from, kUnsupported when the spec
  // has no checkpoint.
  TensorStore(const ModelSpec& spec, ModuleOptions options);

  // Of one safetensors file, whatever made it.
  TensorStore(const std::filesystem::path& file, ModuleOptions options);

  // On the options' device, in their dtype; of a mapped file and its own dtype nothing is copied.
  torch::Tensor tensor(const TensorRef& ref);
  torch::Tensor tensor(const std::optional<TensorRef>& ref) { return ref ? tensor(*ref) : torch::Tensor(); }

  bool has(const std::string& name) const { return source_.model.find(name) != nullptr; }
  DType dtype(const TensorRef& ref) const { return source_.model.find(ref.tensor)->dtype; }  // as the file stores it

 private:
  torch::Tensor whole(const std::string& name);

  ModuleOptions options_;
  LocatedModel source_;
  std::map<std::string, std::shared_ptr<MappedFile>> files_;
};

}  // namespace garage::nn
