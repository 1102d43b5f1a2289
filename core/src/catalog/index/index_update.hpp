// Bringing the index up to date with the files of its catalog.
#pragma once

#include <garage/catalog.hpp>

#include "sqlite.hpp"

namespace garage {

inline constexpr std::size_t kAlwaysChecked = 10'000;  // models

// Makes the tables where they are missing, and reads what changed: in steps, each a transaction, so that another
// process can go on where this one stops. Throws SqliteError, and kIo when the catalog's folder cannot be read.
void bring_up_to_date(sqlite::Database& database, const Catalog& catalog);

// Whether its rows are of a whole catalog, and not of what somebody had read when it was last committed.
bool is_complete(sqlite::Database& database);

}  // namespace garage
