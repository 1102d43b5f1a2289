#include <garage/blueprint/router.hpp>

#include <fmt/format.h>

namespace garage {

void Router::check(Faults& faults) const {
  const auto experts = scores.out;
  faults.present("top_k", top_k);
  faults.require(top_k <= experts, [&] { return fmt::format("picks {} of {} experts", top_k, experts); });
  faults.above_0("scale", scale);
  faults.above_0("input_scale", input_scale);
  faults.present_if_any("expert_scale", expert_scale);
  faults.present_if_any("correction", correction);
  faults.above_0("sum_epsilon", sum_epsilon);
  faults.above_0("least_sum", least_sum);
  faults.above_0("softcap", softcap);
  faults.require(renormalise || !(sum_epsilon || least_sum), "does not renormalise, and has a 'sum_epsilon' or a 'least_sum'");
  if (norm) faults.equal("norm.size", norm->size, scores.in, "scores.in");
  if (scoring == Scoring::sparsemixer) {
    faults.require(jitter.has_value(), "scores by sparsemixer and has no 'jitter'");
    faults.require(top_k == 2,
                   [&] { return fmt::format("scores by sparsemixer and has top_k {}, should be 2", top_k); });
    faults.require(!groups && !correction, "scores by sparsemixer and has groups or a correction");
  }
  if (!groups || groups->count <= 0) return;
  const auto count = groups->count, size = experts / count;
  if (experts % count != 0)
    return faults.add(fmt::format("has {} experts in {} groups, which they cannot fill evenly", experts, count));
  faults.require(groups->best <= size,
                 [&] { return fmt::format("measures a group of {} experts by its best {}", size, groups->best); });
  faults.require(top_k <= groups->kept * size, [&] {
    return fmt::format("picks {} experts of {} groups, which have {}", top_k, groups->kept, groups->kept * size);
  });
}

}  // namespace garage
