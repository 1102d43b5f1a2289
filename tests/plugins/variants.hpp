// The reference checkpoints, and how to change them.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <garage/checkpoint.hpp>
#include <garage/children.hpp>

#include "test_registry.hpp"

namespace garage::test {

// Every folder of tests/data/reference.
inline const std::vector<std::string> kVariants = [] {
  std::vector<std::string> names;
  for (const auto& folder : std::filesystem::directory_iterator(test_data("reference"))) names.push_back(folder.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}();

// Those that lie with their families, too: "bloom/bloom".
inline const std::vector<std::string> kAllVariants = [] {
  auto names = kVariants;
  for (const auto& [family, variant] : family_variants()) names.push_back(family + "/" + variant);
  return names;
}();

// Of a variant by either name.
inline std::filesystem::path checkpoint_of(const std::string& variant) {
  const auto slash = variant.find('/');
  if (slash == variant.npos) return reference(variant);
  return family_data(variant.substr(0, slash), variant.substr(slash + 1)) / "checkpoint";
}

inline SpecPtr registered(const std::string& variant) {
  static TestRegistry registry;
  return registry->register_model("reference/" + variant, open_checkpoint(checkpoint_of(variant)));
}

// A checkpoint's parts, free to be changed; open() makes a model of what they then are.
struct Draft {
  boost::json::object config;
  std::vector<TensorInfo> tensors;
  Model::Metadata metadata;

  explicit Draft(const std::string& variant) : Draft(open_checkpoint(checkpoint_of(variant))) {}
  explicit Draft(const Model& model) {
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
    static TestRegistry registry;  // one for all: opening the plugins again for each would be most of the time
    return registry->register_model("draft", Model(tensors, config, metadata));
  }
};

// Of an attention: a projection that is one linear map, and its rope.
inline const Linear& linear(const Projection& projection) { return std::get<Linear>(projection); }
inline const Linear& linear(const std::optional<Projection>& projection) { return linear(projection.value()); }
inline const Rope& rope(const Attention& attention) { return std::get<Rope>(attention.position); }

// The parts that the whole model is run through, one after another.
inline std::vector<std::string> steps(const ModelSpec& spec) {
  const auto& root = std::get<Stack>(spec.parts.find(spec.root)->blueprint.value());
  std::vector<std::string> names;
  for (const auto& embedding : root.embeddings) names.push_back(embedding.part);
  for (const auto& step : root.parts) names.push_back(step.part);
  return names;
}

// A layer whose stages have a branch each, one after another.
inline Layer sequential(const std::vector<Branch>& branches) {
  Layer layer;
  for (const auto& branch : branches) layer.stages.push_back({.branches = {branch}});
  return layer;
}

template <class Op>
const Op& blueprint(const ModelSpec& spec, const std::string& part) {
  return std::get<Op>(spec.parts.find(part)->blueprint.value());
}

// How far each attention looks back; 0: to the beginning.
using Windows = std::vector<std::int64_t>;
inline Windows windows(const ModelSpec& spec) {
  Windows list;
  for (const auto* part : spec.all_attention_parts()) list.push_back(std::get<Attention>(*part->blueprint).mask.window.value_or(0));
  return list;
}

}  // namespace garage::test
