// MergePlan: all that is decided before a number is read: what the result is, and where every number of it comes from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <garage/registry.hpp>

#include "../methods/merge_method.hpp"
#include "../recipe/recipe.hpp"
#include "../tokens/vocabulary_plan.hpp"
#include "merge_source.hpp"
#include "result.hpp"
#include "tensor_origin.hpp"

namespace garage {

struct PlannedTensor {
  TensorInfo info;                    // as it is written
  const MergeMethod* method;          // the recipe's; passthrough of a part that takes another's place
  std::vector<TensorOrigin> origins;  // one a model, in the slice's order
  std::optional<std::size_t> base;    // which of them
  bool is_base_listed = false;
  std::vector<std::vector<std::optional<double>>> model_parameters;  // of each model, in the method's order
  std::vector<double> parameters;
  std::uint64_t seed = 0;

  bool is_changed = false;  // the method is told to change its numbers
  bool is_copied = false;   // its bytes are one tensor's, as they are stored
  bool is_packed = false;   // copied, and that tensor is one of MergeSource::stored
};

struct MergePlan {
  Recipe recipe;
  MergeSources sources;
  std::size_t base = 0;             // of sources
  std::vector<LayerOrigin> layers;  // of the result
  std::optional<Result> result;
  std::vector<PlannedTensor> tensors;        // sorted by name
  std::vector<std::string> parts;            // those that are another model's as they are, for a summary
  std::optional<VocabularyPlan> vocabulary;  // a model is its place in sources
  bool is_packed = false;                    // quantised weights are copied as they are, and the config says so still
  std::vector<std::string> notes;            // what somebody may wonder about
};

// recipe_file: its folder is where models are looked for first.
// Throws kInvalidArgument (the recipe; what does not fit, all of it), kUnsupported, kNotFound, kAmbiguous, kCorrupt,
// kIo.
std::unique_ptr<MergePlan> plan_merge(const ModelRegistry& registry, const std::filesystem::path& recipe_file);

}  // namespace garage
