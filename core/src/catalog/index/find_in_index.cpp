#include <garage/find.hpp>

#include <algorithm>
#include <variant>

#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/name_ranges.hpp>
#include <garage/registry.hpp>

#include "catalog_index.hpp"
#include "indexed_spec.hpp"

namespace garage {
namespace {

PartKind kind_of_part(const ModelRegistry& registry, const PartQuery::Like& like) {
  const auto spec = registry.require_spec(like.model);
  for (auto& kind : part_kinds(*spec))
    if (std::find(kind.members.begin(), kind.members.end(), like.part) != kind.members.end()) return kind;
  throw Error(Errc::kNotFound, fmt::format("'{}' has no part '{}'", like.model, like.part));
}

// A query as SQL: the conditions, and the values that stand for their question marks, in order.
class Question {
 public:
  explicit Question(const PartQuery& query) {
    ask("part_type = ?", query.type);
    ask("family = ?", query.family);
    ask("activation = ?", query.activation);
    ask("norm = ?", query.norm);
    if (query.hidden_dim) { ask("? IN (input_dim, output_dim)", query.hidden_dim); }
    ask("heads = ?", query.heads);
    ask("kv_heads = ?", query.kv_heads);
    ask("head_dim = ?", query.head_dim);
    ask("intermediate_dim = ?", query.intermediate_dim);
    ask("rope_theta = ?", query.rope_theta);
  }

  // Each level's own condition holds those before it.
  void ask_level(const IndexedKind& like, SwapLevel level) {
    ask("part_type = ?", std::optional(like.part_type));
    ask("input_dim = ?", std::optional(like.input_dim));
    ask("output_dim = ?", std::optional(like.output_dim));
    if (level >= SwapLevel::weights) ask("tensors_hash = ?", std::optional(like.tensors_hash));
    if (level >= SwapLevel::identical) ask("hash = ?", std::optional(like.hash));
  }

  const std::string& conditions() const { return conditions_; }
  void bind(sqlite::Statement& statement) const {
    for (const auto& value : values_) std::visit([&](const auto& item) { statement.bind(item); }, value);
  }

 private:
  template <class T>
  void ask(const char* condition, const std::optional<T>& value) {
    if (!value) return;
    conditions_ += fmt::format("{} {}", conditions_.empty() ? " WHERE" : " AND", condition);
    values_.emplace_back(*value);
  }

  std::string conditions_;
  std::vector<std::variant<std::int64_t, double, std::string>> values_;
};

// Parts of the kind without one of them; nothing when it is the only one.
std::optional<std::string> others(const PartKind& kind, const std::string& part) {
  auto names = kind.members;
  std::erase(names, part);
  return names.empty() ? std::nullopt : std::optional(name_ranges(names));
}

// like: the part that the query's swappable_with names.
FindResult find_in(sqlite::Database& database, const PartQuery& query, const std::optional<PartKind>& like) {
  database.run("PRAGMA cache_size = -65536");  // KiB: no page of a large index is read twice
  FindResult result;
  Question question(query);
  const auto wanted = like ? std::optional(indexed_kind(*like)) : std::nullopt;
  if (wanted) question.ask_level(*wanted, query.swappable_with->level);
  sqlite::Statement row(database,
                        "SELECT id, family, names, part_type, input_dim, output_dim, hash, tensors_hash "
                        "FROM kind JOIN part ON part.kind = kind.row JOIN spec ON spec.row = part.spec" +
                            question.conditions() + " ORDER BY id, position");
  question.bind(row);
  while (row.step()) {
    FoundParts found{row.text(0), row.text(1), row.text(2), row.text(3), row.integer(4), row.integer(5), {}};
    if (wanted) {
      const bool same = row.text(6) == wanted->hash;
      found.level = same                                  ? SwapLevel::identical
                    : row.text(7) == wanted->tensors_hash ? SwapLevel::weights
                                                          : SwapLevel::drop_in;
      if (same && found.model == query.swappable_with->model) {
        const auto rest = others(*like, query.swappable_with->part);
        if (!rest) continue;
        found.parts = *rest;
      }
    }
    result.found.push_back(std::move(found));
  }
  sqlite::Statement problem(database, "SELECT problem FROM spec WHERE problem <> '' ORDER BY file");
  while (problem.step()) result.unreadable.push_back(problem.text(0));
  return result;
}

}  // namespace

FindResult find_parts(const ModelRegistry& registry, const PartQuery& query) {
  const auto& like = query.swappable_with;
  const auto kind = like ? std::optional(kind_of_part(registry, *like)) : std::nullopt;
  FindResult result;
  ask_index(registry.catalog(), [&](sqlite::Database& database) { result = find_in(database, query, kind); });
  return result;
}

}  // namespace garage
