#include <garage/find.hpp>

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/registry.hpp>

#include "name_ranges.hpp"
#include "part_kinds.hpp"
#include "swap.hpp"

namespace garage {
namespace {

// What a kind says under a name; nothing when it says nothing.
std::optional<std::string> field(const PartKind& kind, const std::string& name) {
  const auto found = kind.fields.find(name);
  return found == kind.fields.end() ? std::nullopt : std::optional(found->second);
}

bool is_number(const PartKind& kind, const std::string& name, const std::optional<std::int64_t>& wanted) {
  return !wanted || field(kind, name) == std::to_string(*wanted);
}

bool is_theta(const PartKind& kind, const std::optional<double>& wanted) {
  if (!wanted) return true;
  for (const auto* name : {"rope.theta", "theta"})
    if (const auto text = field(kind, name)) {
      double value = 0;
      std::from_chars(text->data(), text->data() + text->size(), value);
      return value == *wanted;
    }
  return false;
}

bool answers(const PartKind& kind, const PartQuery& query) {
  return (!query.type || kind.part_type == *query.type) &&
         (!query.hidden_dim || kind.input_dim == *query.hidden_dim || kind.output_dim == *query.hidden_dim) &&
         is_number(kind, "heads", query.heads) && is_number(kind, "kv_heads", query.kv_heads) &&
         is_number(kind, "head_dim", query.head_dim) && is_number(kind, "intermediate_dim", query.intermediate_dim) &&
         (!query.activation || field(kind, "activation") == query.activation) &&
         (!query.norm || field(kind, "kind") == query.norm) && is_theta(kind, query.rope_theta);
}

PartKind kind_of_part(const ModelRegistry& registry, const PartQuery::Like& like) {
  const auto spec = registry.get_spec(like.model);
  if (!spec) throw Error(Errc::kNotFound, fmt::format("model '{}' is not registered", like.model));
  for (auto& kind : part_kinds(*spec))
    if (std::find(kind.members.begin(), kind.members.end(), like.part) != kind.members.end()) return kind;
  throw Error(Errc::kNotFound, fmt::format("'{}' has no part '{}'", like.model, like.part));
}

}  // namespace

FindResult find_parts(const ModelRegistry& registry, const PartQuery& query) {
  FindResult result;
  const auto& like = query.swappable_with;
  const auto wanted = like ? std::optional(kind_of_part(registry, *like)) : std::nullopt;
  const auto listing = registry.catalog().list();
  for (const auto& problem : listing.problems) result.unreadable.push_back(problem.message);
  for (const auto& summary : listing.models) {
    if (query.family && summary.family != *query.family) continue;
    try {
      const auto spec = registry.get_spec(summary.model_id);
      if (!spec) continue;  // just removed
      for (auto& kind : part_kinds(*spec)) {
        if (!answers(kind, query)) continue;
        std::optional<SwapLevel> level;
        if (wanted) {
          if (kind.part_type != wanted->part_type) continue;
          level = swap_of(*wanted, kind).level;
          if (*level < like->level) continue;
          if (summary.model_id == like->model) std::erase(kind.members, like->part);
          if (kind.members.empty()) continue;
        }
        result.found.push_back({summary.model_id, summary.family, name_ranges(kind.members), kind.part_type,
                                kind.input_dim, kind.output_dim, level});
      }
    } catch (const Error& error) { result.unreadable.push_back(error.what()); }
  }
  return result;
}

}  // namespace garage
