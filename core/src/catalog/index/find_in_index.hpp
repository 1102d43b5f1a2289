// Finding parts by the rows of the index.
#pragma once

#include <optional>

#include <garage/catalog.hpp>
#include <garage/find.hpp>
#include <garage/part_kinds.hpp>

namespace garage {

// like: the kind of the part that the query's swappable_with names. Throws as ask_index.
FindResult find_in_index(const Catalog& catalog, const PartQuery& query, const std::optional<PartKind>& like);

}  // namespace garage
