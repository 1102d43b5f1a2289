// The models that a recipe names, opened.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <garage/checkpoint.hpp>
#include <garage/registry.hpp>
#include <garage/spec.hpp>

#include "../recipe/model_reference.hpp"

namespace garage {

struct MergeSource {
  std::string name;  // as the recipe spells it
  LocatedModel located;
  ModelSpec spec;       // taken apart; of a model that no plugin knows by its tensors' names (raw_spec.hpp)
  bool is_raw = false;  // then
  std::optional<LocatedModel> stored = {};  // as its files have it, where that is copied (packed.hpp)
};

// Where its weights lie, and with them its tokenizer.
std::filesystem::path folder_of(const MergeSource& source);

// References to sources stay valid; each model is opened once.
class MergeSources {
 public:
  // folder: the recipe's. Both outlive it.
  MergeSources(const ModelRegistry& registry, std::filesystem::path folder)
      : registry_(registry), folder_(std::move(folder)) {}

  // A folder or a file, from the recipe's folder or from the one that the process is in; a registered model; a model of
  // the hub's cache.
  // Throws kNotFound when it is none of these, kAmbiguous when it is several, kUnsupported (a class that is to stand
  // for its own); as open_checkpoint and as ModelRegistry::register_model.
  std::size_t open(const ModelReference& reference);

  const MergeSource& operator[](std::size_t index) const { return *sources_[index]; }
  // The same with what is stored. Throws as open_checkpoint.
  const MergeSource& with_stored(std::size_t index);
  std::size_t size() const noexcept { return sources_.size(); }

 private:
  LocatedModel locate(const ModelReference& reference) const;
  std::vector<std::filesystem::path> paths_of(const std::string& place) const;

  const ModelRegistry& registry_;
  std::filesystem::path folder_;
  std::map<ModelReference, std::size_t> opened_;
  std::vector<std::unique_ptr<MergeSource>> sources_;
};

}  // namespace garage
