// OpenedModel: a spec and, once somebody wants numbers, the files that it was made from. Parts share it, and it needs
// no registry.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <garage/registry.hpp>
#include <garage/weight_files.hpp>

namespace garage::python {

class OpenedModel {
 public:
  // tables: where those of GGUF files lie.
  OpenedModel(SpecPtr spec, std::vector<std::filesystem::path> tables)
      : spec_(std::move(spec)), tables_(std::move(tables)) {}

  const ModelSpec& spec() const noexcept { return *spec_; }

  // As they are now. Throws kCorrupt when they changed since the model was registered; as WeightFiles::of.
  std::shared_ptr<WeightFiles> weights() {
    const std::lock_guard lock(mutex_);
    return files_ = WeightFiles::of(*spec_, tables_);
  }

 private:
  SpecPtr spec_;
  std::vector<std::filesystem::path> tables_;
  std::mutex mutex_;
  std::shared_ptr<WeightFiles> files_;  // kept, so that the next part opens nothing
};

using OpenedModelPtr = std::shared_ptr<OpenedModel>;

// A part of it.
struct OpenedPart {
  OpenedModelPtr model;
  std::string name;
  const PartSpec* spec;  // in the model's
};

}  // namespace garage::python
