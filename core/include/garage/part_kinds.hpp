// PartKinds: the parts of a model by what they are. Parts of one kind compute the same function of tensors of the same
// shapes; they differ in names alone.
//
// Threads  Reentrant.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <garage/export.hpp>
#include <garage/spec.hpp>

namespace garage {

struct PartKind {
  std::string part_type;
  std::int64_t input_dim = 0, output_dim = 0;
  std::map<std::string, std::string> fields;                 // "rope.theta": "10000.0"; children's below their roles
  std::map<std::string, std::vector<std::int64_t>> tensors;  // by role, "attention.q.weight"
  std::vector<std::string> members;                          // names of parts, in the model's order
};

// Equal for two parts that are identical, and for two whose tensors have the same shapes by role.
GARAGE_API std::string text_of(const PartKind& kind);
GARAGE_API std::string tensors_text(const PartKind& kind);

// Whether the part is the whole model, as a stack or an encoder-decoder: its parts have kinds, and it has none.
GARAGE_API bool is_whole_model(const ModelSpec& spec, std::string_view part);

// In the order in which they first occur. Requires a spec that was read or accounted for: parts that name one another
// in a circle have no end. Throws kUnsupported for a spec whose parts have no blueprints.
GARAGE_API std::vector<PartKind> part_kinds(const ModelSpec& spec);

}  // namespace garage
