// The registry as Python has it: core's, with notes as warnings, and answers that outlive it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <pybind11/pybind11.h>

#include <garage/find.hpp>
#include <garage/registry.hpp>

#include "merge.hpp"
#include "notes.hpp"
#include "opened_model.hpp"

namespace garage::python {

namespace fs = std::filesystem;

// A folder of an adapter, with how much of it is added.
using AdapterArgument = std::variant<fs::path, std::pair<fs::path, double>>;

class Registry {
 public:
  Registry(std::optional<fs::path> catalog, std::vector<fs::path> plugins, std::optional<fs::path> config);

  // All of these require the GIL, release it while they read, and give core's notes as warnings.
  OpenedModelPtr register_model(const std::string& id, const std::optional<fs::path>& path, const std::string& plugin,
                                const std::optional<std::string>& variant,
                                const std::vector<AdapterArgument>& adapters);
  OpenedModelPtr spec(const std::string& id) const;  // throws kNotFound, with the nearest id
  std::vector<std::string> models();
  std::vector<SpecSummary> summaries();
  std::vector<OpenedPart> parts(const std::string& id, const std::optional<std::string>& type,
                                const std::optional<std::int64_t>& layer) const;
  OpenedPart part(const std::string& id, const std::string& name) const;
  Claim detect(const fs::path& path, const std::optional<std::string>& variant);
  std::vector<Claim> claims(const fs::path& path, const std::optional<std::string>& variant);
  bool remove(const std::string& id);
  Comparison compare(const std::string& a, const std::string& b) const;
  std::vector<FoundParts> find(const PartQuery& query);
  MergeSummary merge(const MergeRequest& request);

  const ModelRegistry& core() const noexcept { return *registry_; }

 private:
  OpenedModelPtr opened(SpecPtr spec) const;
  template <class Question>
  auto asked(const Question& question);

  std::shared_ptr<Notes> notes_ = std::make_shared<Notes>();
  std::unique_ptr<ModelRegistry> registry_;
};

}  // namespace garage::python
