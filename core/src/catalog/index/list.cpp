#include <garage/catalog.hpp>

#include "catalog_index.hpp"

namespace garage {
namespace {

using sqlite::Database;
using sqlite::Statement;

SpecSummary summary_at(const Statement& row) {
  return {row.text(0),    row.text(1),    row.integer(2), row.integer(3),
          row.integer(4), row.integer(5), row.integer(6), row.integer(7)};
}

}  // namespace

// Here and not with Catalog's other members: those know nothing of the index.
CatalogListing Catalog::list() const {
  CatalogListing listing;
  ask_index(*this, [&](Database& database) {
    listing = {};
    Statement count(database, "SELECT count(*) FROM spec WHERE id IS NOT NULL");
    if (count.step()) listing.models.reserve(static_cast<std::size_t>(count.integer(0)));
    Statement spec(database,
                   "SELECT id, family, hidden_dim, num_layers, num_heads, vocab_size, parameters, parts FROM spec "
                   "WHERE id IS NOT NULL ORDER BY id");
    while (spec.step()) listing.models.push_back(summary_at(spec));
    Statement problem(database, "SELECT file, problem FROM spec WHERE problem <> '' AND id IS NULL ORDER BY file");
    while (problem.step()) listing.problems.push_back({(folder_ / problem.text(0)).string(), problem.text(1)});
  });
  return listing;
}

}  // namespace garage
