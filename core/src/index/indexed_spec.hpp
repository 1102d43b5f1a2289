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
  std::string content;      // a hash of the file's bytes; empty when it cannot be read
  std::string problem;      // why there is no summary, or no kinds
  bool may_be_kept = true;  // false when the system refused: no stamp tells when it stops to
};

std::string content_hash(const std::filesystem::path& file);  // empty when it cannot be read

// Throws nothing: what is wrong with the file is part of the answer.
IndexedSpec read_indexed_spec(const std::filesystem::path& file);

}  // namespace garage
