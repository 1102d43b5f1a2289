// PartRef: a part that a blueprint names. Its type says as what, so that whoever follows blueprints (children, loops,
// extraction, comparison) needs no list of members, and an op says with `kServesAs` where it may stand.
#pragma once

#include <algorithm>
#include <array>
#include <string>

namespace garage {

enum class PartRole {
  norm,       // scales hidden states
  branch,     // what a layer adds to its stream: hidden states in, hidden states out
  embedding,  // ids in, hidden states out
  step,       // what may stand in a stack after its embeddings
  stack,      // hidden states, or ids where it has embeddings, through many layers
  router,     // scores experts
  expert,     // what a router chooses among
  owner,      // has the tensor that another part reads too; has its own place elsewhere
  source,     // what it makes of a token another part reads too, later in the same pass; has its own place elsewhere
  any,        // whatever a plugin's own code makes of it
};

template <PartRole role>
struct PartRef {
  static constexpr PartRole kRole = role;

  PartRef() = default;
  PartRef(std::string name) : part(std::move(name)) {}  // NOLINT: a name is a reference
  PartRef(const char* name) : part(name) {}             // NOLINT

  std::string part;  // its name

  friend bool operator==(const PartRef&, const PartRef&) = default;
};

// Whether the part lies in the one that names it: then it is its child.
constexpr bool is_held(PartRole role) { return role != PartRole::owner && role != PartRole::source; }

template <class Op>
constexpr bool serves_as(PartRole role) {
  return role == PartRole::any || std::find(Op::kServesAs.begin(), Op::kServesAs.end(), role) != Op::kServesAs.end();
}

template <PartRole... roles>
inline constexpr std::array<PartRole, sizeof...(roles)> kServes{roles...};

}  // namespace garage
