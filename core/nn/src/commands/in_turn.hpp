// A model's parts asked one by one, each of the same tokens, where some look at what others show before them: keys and
// values that layers share, inputs of each layer's own.
#pragma once

#include <map>
#include <set>
#include <string>

#include <torch/types.h>

#include <garage/nn/sequence.hpp>
#include <garage/registry.hpp>

namespace garage::nn {

class InTurn {
 public:
  // ids: the tokens, (batch, seq); undefined: nobody knows, and what needs them says so.
  InTurn(const ModelRegistry& registry, std::string id, const torch::Tensor& ids);

  // A part's output. Children come before what holds them, sources before those that look at them.
  // Throws as forward does.
  torch::Tensor forward(const std::string& part, const torch::Tensor& input, Sequence sequence = {});

 private:
  void run_before_layers(const torch::Tensor& ids);

  const ModelRegistry& registry_;
  std::string id_;
  SpecPtr spec_;
  std::set<std::string> sources_;
  SequenceState shown_;                          // by all that has run
  std::map<std::string, SequenceState> before_;  // what was shown before a source ran
};

}  // namespace garage::nn
