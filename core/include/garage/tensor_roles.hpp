// Which tensors a part reads, what each is for, and what shape its dimensions demand.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <garage/export.hpp>
#include <garage/spec.hpp>

namespace garage {

struct TensorRole {
  std::string role;                 // "q.weight", "gate.bias", "weight"
  const TensorRef* ref;             // into the part's blueprint
  std::vector<std::int64_t> shape;  // what the view must give
  std::string owner;                // the part whose tensor it is, of a tied head; empty: it is the part's own

  bool is_shared() const noexcept { return !owner.empty(); }
};

// In the order of the blueprint's members. Tensors of the part's children are not among them.
// Requires: part has a blueprint, and is of a spec that was read or accounted for.
GARAGE_API std::vector<TensorRole> tensor_roles(const PartSpec& part);

}  // namespace garage
