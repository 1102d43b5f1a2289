#include "find_in_index.hpp"

#include <utility>
#include <variant>

#include "../../find/question.hpp"
#include "catalog_index.hpp"

namespace garage {
namespace {

FindResult found_by(sqlite::Database& database, const Question& question) {
  database.run("PRAGMA cache_size = -65536");  // KiB: no page of a large index is read twice
  FindResult result;
  sqlite::Statement row(database,
                        "SELECT id, family, names, part_type, input_dim, output_dim, hash, tensors_hash "
                        "FROM kind JOIN part ON part.kind = kind.row JOIN spec ON spec.row = part.spec" +
                            question.conditions() + " ORDER BY id, position");
  for (const auto& value : question.values()) std::visit([&](const auto& item) { row.bind(item); }, value);
  while (row.step()) {
    FoundParts parts{row.text(0), row.text(1), row.text(2), row.text(3), row.integer(4), row.integer(5), {}};
    if (auto found = question.answer(std::move(parts), row.text(6), row.text(7)))
      result.found.push_back(std::move(*found));
  }
  sqlite::Statement problem(database, "SELECT problem FROM spec WHERE problem <> '' ORDER BY file");
  while (problem.step()) result.unreadable.push_back(problem.text(0));
  return result;
}

}  // namespace

FindResult find_in_index(const Catalog& catalog, const PartQuery& query, const std::optional<PartKind>& like) {
  const Question question(query, like);
  FindResult result;
  ask_index(catalog, [&](sqlite::Database& database) { result = found_by(database, question); });
  return result;
}

}  // namespace garage
