// Finding parts across the catalog, by what they are. It is answered from the index that the catalog keeps (catalog.hpp).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include <garage/compare.hpp>
#include <garage/export.hpp>

namespace garage {

class ModelRegistry;

// What is asked of a part; what is empty is not asked.
struct PartQuery {
  std::optional<std::string> type, family, activation, norm;  // "attention", "llama", "silu", "rms"
  std::optional<std::int64_t> hidden_dim;                     // numbers per position that go in or come out
  std::optional<std::int64_t> heads, kv_heads, head_dim, intermediate_dim;
  std::optional<double> rope_theta;

  // Only parts that could stand for this one, at this level or a higher one.
  struct Like {
    std::string model, part;
    SwapLevel level = SwapLevel::drop_in;
  };
  std::optional<Like> swappable_with;
};

// Parts of one model that are alike.
struct FoundParts {
  std::string model, family, parts;  // "attention_{0..31}"
  std::string part_type;
  std::int64_t input_dim = 0, output_dim = 0;
  std::optional<SwapLevel> level;  // with swappable_with

  friend bool operator==(const FoundParts&, const FoundParts&) = default;
};
BOOST_DESCRIBE_STRUCT(FoundParts, (), (model, family, parts, part_type, input_dim, output_dim, level))

struct FindResult {
  std::vector<FoundParts> found;        // by model
  std::vector<std::string> unreadable;  // why some models could not be asked: broken files, specs without blueprints
};

// Throws kNotFound when swappable_with names no part of a registered model. The part itself is not among what is found.
GARAGE_API FindResult find_parts(const ModelRegistry& registry, const PartQuery& query);

}  // namespace garage
