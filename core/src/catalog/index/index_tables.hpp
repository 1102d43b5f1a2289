// The tables of the index.
#pragma once

#include "sqlite.hpp"

namespace garage {

// Where they are missing, or were made by another version. Throws SqliteError.
void make_tables(sqlite::Database& database);

}  // namespace garage
