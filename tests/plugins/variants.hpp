// The reference checkpoints, and how to change them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <garage/checkpoint.hpp>

#include "test_registry.hpp"

namespace garage::test {

inline const std::vector<std::string> kVariants = {"gpt2", "gpt2-hub", "gpt2-scaled-attn", "llama-2", "llama-3.1",
                                                   "llama-3.1-v4", "llama-3.2-tied", "llama-biased", "llama-sharded"};

inline SpecPtr registered(const std::string& variant) {
  TestRegistry registry;
  return registry->register_model("reference/" + variant, open_checkpoint(reference(variant)));
}

// A checkpoint's parts, free to be changed; open() makes a model of what they then are.
struct Draft {
  boost::json::object config;
  std::vector<TensorInfo> tensors;
  Model::Metadata metadata;

  explicit Draft(const std::string& variant) {
    const auto model = open_checkpoint(reference(variant));
    config = model.config();
    tensors = model.tensors();
    metadata = model.metadata();
  }

  TensorInfo& tensor(const std::string& name) {
    for (auto& tensor : tensors)
      if (tensor.name == name) return tensor;
    throw std::runtime_error("no tensor " + name);
  }
  void drop(const std::string& name) {
    tensor(name);
    std::erase_if(tensors, [&](const TensorInfo& tensor) { return tensor.name == name; });
  }
  void strip(const std::string& prefix) {
    for (auto& tensor : tensors)
      if (tensor.name.starts_with(prefix)) tensor.name.erase(0, prefix.size());
  }

  SpecPtr register_it() const {
    TestRegistry registry;
    return registry->register_model("draft", Model(tensors, config, metadata));
  }
};

template <class Op>
const Op& blueprint(const ModelSpec& spec, const std::string& part) {
  return std::get<Op>(spec.parts.find(part)->blueprint.value());
}

}  // namespace garage::test
