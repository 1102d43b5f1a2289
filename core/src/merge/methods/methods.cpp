// The one list of merge methods.
#include <array>
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <garage/error.hpp>
#include <garage/nearest.hpp>

#include "method_list.hpp"

namespace garage {

std::span<const MergeMethod* const> merge_methods() {
  static const std::array all = {
      &linear_method(),
      &slerp_method(),
      &nuslerp_method(),
      &multislerp_method(),
      &karcher_method(),
      &task_arithmetic_method(),
      &ties_method(),
      &dare_linear_method(),
      &dare_ties_method(),
      &della_method(),
      &della_linear_method(),
      &breadcrumbs_method(),
      &breadcrumbs_ties_method(),
      &sce_method(),
      &model_stock_method(),
      &nearswap_method(),
      &arcee_fusion_method(),
      &passthrough_method(),
  };
  return all;
}

const MergeMethod& merge_method(std::string_view name) {
  std::vector<std::string> known;
  for (const auto* method : merge_methods()) {
    if (method->name() == name) return *method;
    known.emplace_back(method->name());
  }
  const auto meant = did_you_mean(name, known);
  throw Error(Errc::kInvalidArgument,
              fmt::format("merge method '{}' is unknown{}", name,
                          meant.empty() ? fmt::format("; there are {}", fmt::join(known, ", ")) : meant));
}

}  // namespace garage
