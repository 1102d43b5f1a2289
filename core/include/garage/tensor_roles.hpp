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
  bool shared = false;              // another part owns the tensor: a tied head
};

// In the order of the blueprint's members. Tensors of the part's children are not among them.
// Requires: part has a blueprint, and is of a spec that was read or accounted for.
GARAGE_API std::vector<TensorRole> tensor_roles(const PartSpec& part);

}  // namespace garage
