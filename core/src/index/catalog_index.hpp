// CatalogIndex: what the specs of a catalog say, in a database beside them, so that a question need not read them all.
//
// It is SQLite's, in .index/ below the catalog: indexed columns, and answers that stay whole when many processes write
// or one is killed. The files decide. An index that is missing, broken or of another version is made anew, and before
// every question what changed is read again: a file whose size, time or inode is another, and one that changed so
// shortly before it was read that it might have changed again without showing it. Where more than kAlwaysChecked models
// are kept, their files are looked at only when the folder's own time says that one came, went or was replaced, and
// every writer of ours replaces: a look at 100,000 files costs a quarter of a second.
//
// Where the index cannot be written it is copied into memory and brought up to date there.
//
// Threads  One at a time; any number of indexes of one catalog may be used at once, in any processes.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>

#include <garage/catalog.hpp>
#include <garage/find.hpp>
#include <garage/part_kinds.hpp>

#include "sqlite.hpp"

namespace garage {

inline constexpr std::size_t kAlwaysChecked = 10'000;  // models

class CatalogIndex {
 public:
  // Opens it and brings it up to date. Throws kIo when the catalog folder cannot be read.
  explicit CatalogIndex(const Catalog& catalog);

  CatalogListing list();

  // like: the part that the query's swappable_with names.
  FindResult find(const PartQuery& query, const std::optional<PartKind>& like);

 private:
  std::filesystem::path catalog_;
  std::optional<sqlite::Database> database_;
};

}  // namespace garage
