// What the index keeps of one spec file.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <garage/spec_document.hpp>

#include "../../find/indexed_kind.hpp"

namespace garage {

struct IndexedSpec {
  std::optional<SpecSummary> summary;  // nothing when the file is no spec
  std::vector<IndexedKind> kinds;
  std::string
      content;  // a hash of the file's bytes; empty when the system refused, and no stamp tells when it stops to
  std::string problem;  // why there is no summary, or no kinds
};

// Throws nothing: what is wrong with the file is part of the answer. Nothing when it is no longer there.
std::optional<IndexedSpec> read_indexed_spec(const std::filesystem::path& file);

// Whether reading it would give the same content and, where there is none, the same problem.
bool is_still(const std::filesystem::path& file, const std::string& content, const std::string& problem);

}  // namespace garage
