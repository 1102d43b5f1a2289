#include <garage/find.hpp>

#include <garage/registry.hpp>

#include "../catalog/index/find_in_index.hpp"
#include "../find/question.hpp"

namespace garage {

FindResult find_parts(const ModelRegistry& registry, const PartQuery& query) {
  const auto& like = query.swappable_with;
  const auto kind = like ? std::optional(kind_of_part(*registry.require_spec(like->model), *like)) : std::nullopt;
  return find_in_index(registry.catalog(), query, kind);
}

}  // namespace garage
