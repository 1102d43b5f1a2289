#include "claims.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/tensor_roles.hpp>

#include "../blueprint/strided_view.hpp"

namespace garage {
namespace {

struct Run {
  const TensorClaim* claim;
  StridedView view;  // coalesced
};

// In the order in which they begin.
std::vector<Run> runs_of(const TensorInfo& tensor, const Claims& claims) {
  std::vector<Run> runs;
  for (const auto& claim : claims) runs.push_back({&claim, coalesce(see(tensor.shape, claim.ref->view))});
  std::sort(runs.begin(), runs.end(), [](const Run& a, const Run& b) { return a.view.offset < b.view.offset; });
  return runs;
}

void require_apart(const TensorInfo& tensor, const Run& a, const Run& b) {
  if (intersect(a.view, b.view))
    throw Error(Errc::kCorrupt, fmt::format("tensor '{}' is claimed twice: by {} as {} and by {} as {}", tensor.name,
                                            a.claim->name(), a.claim->role(), b.claim->name(), b.claim->role()));
}

}  // namespace

std::string TensorClaim::role() const {
  for (auto& role : tensor_roles(part->second))
    if (role.ref == ref) return std::move(role.role);
  return {};
}

void require_disjoint_and_whole(const TensorInfo& tensor, const Claims& claims) {
  if (claims.empty() || (claims.size() == 1 && claims.front().is_whole())) return;
  const auto runs = runs_of(tensor, claims);
  std::int64_t used = 0;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const auto& view = runs[i].view;
    used += view.elements();
    for (std::size_t j = i + 1; j < runs.size(); ++j) {
      require_apart(tensor, runs[i], runs[j]);
      // Sorted runs can only meet their neighbours.
      if (view.is_contiguous() && runs[j].view.offset >= view.offset + view.elements()) break;
    }
  }
  if (used != tensor.elements())
    throw Error(Errc::kCorrupt,
                fmt::format("tensor '{}' {} has {} numbers, {} uses {} of them", tensor.name, shape_text(tensor.shape),
                            tensor.elements(), runs.front().claim->name(), used));
}

}  // namespace garage
