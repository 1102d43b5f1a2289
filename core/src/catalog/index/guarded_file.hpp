// GuardedFile: the database file of a guarded connection (guard.hpp), as SQLite holds it.
#pragma once

#include <cstdint>

#include <sqlite3.h>

#include "page_sums.hpp"

namespace garage::sqlite {

// In memory of SQLite's own, where the file below it follows.
struct GuardedFile : sqlite3_file {
  GuardedFile(const char* path, bool emptied) : sqlite3_file{}, sums(path), is_emptied(emptied) {}

  sqlite3_file* below() { return reinterpret_cast<sqlite3_file*>(this + 1); }
  // Before a lock others may write. What SQLite reads then is only a hint to it; and while it plays back a journal, for
  // which it takes the exclusive lock without the one of writers, nothing is as it should be.
  bool is_judged() const { return lock != SQLITE_LOCK_NONE && (lock != SQLITE_LOCK_EXCLUSIVE || is_written); }

  PageSums sums;
  bool is_emptied;          // as far as SQLite sees
  bool is_loaded = false;   // the sums
  bool is_written = false;  // by a transaction of ours
  int lock = SQLITE_LOCK_NONE;
  std::uint64_t first_given = 0;  // the sum of the first page that SQLite was given, or gave
};

extern const sqlite3_io_methods kGuardedMethods;

}  // namespace garage::sqlite
