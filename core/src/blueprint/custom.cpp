#include <garage/blueprint/custom.hpp>

#include <fmt/format.h>

#include <garage/model.hpp>

namespace garage {

void Custom::check(Faults& faults) const {
  for (const auto& [role, tensor] : tensors) {
    faults.require(!tensor.ref.tensor.empty(),
                   [&, &role = role] { return fmt::format("has no 'tensors.{}.ref.tensor'", role); });
    std::int64_t count = 1;
    for (const auto dim : tensor.shape)
      if (dim < 0 || __builtin_mul_overflow(count, dim, &count))
        faults.add(fmt::format("has tensors.{} of {}, which 64 bits do not count", role, shape_text(tensor.shape)));
  }
}

}  // namespace garage
