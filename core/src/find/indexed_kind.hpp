// What can be asked of parts of one model that are alike: the row that an index keeps of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <garage/part_kinds.hpp>

namespace garage {

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

}  // namespace garage
