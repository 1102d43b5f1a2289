// What the index keeps of one spec file.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <garage/part_kinds.hpp>
#include <garage/spec_document.hpp>

namespace garage {

// Parts of one model that are alike, and what can be asked of them.
struct IndexedKind {
  std::string hash, tensors_hash;  // equal for identical parts, and for parts whose tensors have the same shapes
  std::string part_type;
  std::int64_t input_dim = 0, output_dim = 0;
  std::optional<std::int64_t> heads, kv_heads, head_dim, intermediate_dim;
  std::optional<std::string> activation, norm;
  std::optional<double> rope_theta;
  std::string names;  // "attention_{0..31}"
};

IndexedKind indexed_kind(const PartKind& kind);

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
