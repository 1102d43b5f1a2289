// AdaptableTensors: what an adapter can do with each of a model's tensors, by what it is for.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <garage/spec.hpp>

namespace garage::nn {

struct AdaptableTensor {
  enum class Kind {
    linear,     // the weight of a torch.nn.Linear or Conv1D: a LoRA may be laid over its module
    module,     // of a module that is saved whole: an embedding, a norm, a router, a head
    parameter,  // of any other: it stands for itself, as a bias does
  };
  Kind kind = Kind::parameter;
  std::string tensor;      // as the model's files spell it
  std::string name;        // as transformers does: with the base model's name where the files leave it out
  std::string part;        // the first that reads it
  std::string path;        // where that lies in transformers' model; of an expert, where all of them do
  bool is_turned = false;  // linear: it lies [in, out]

  std::string_view module() const { return std::string_view(name).substr(0, name.rfind('.')); }
};

// Each tensor that parts read, once, in the order of the parts.
std::vector<AdaptableTensor> adaptable_tensors(const ModelSpec& spec);

}  // namespace garage::nn
