// The catalog's index: what its specs say, in a database beside them, so that a question need not read them all.
//
// It is SQLite's, in .index/ below the catalog: indexed columns, and answers that stay whole when many processes write
// or one is killed. The files decide. Before every question what changed is read again: a file whose size, time or
// inode is another, and one that changed so shortly before it was read that it might have changed again without showing
// it. Where more than kAlwaysChecked models are kept, their files are looked at only when the folder's own time says
// that one came, went or was replaced, and every writer of ours replaces: a look at 100,000 files costs a quarter of a
// second.
//
// It needs no care. What is missing, of another version, or anything but what was written there (guard.hpp) is
// made anew: before an answer, or when its damage shows in the middle of one, which then is begun again. Where the
// index cannot be written (no right to, no room, no locks, another process that stopped while it wrote) it is copied
// into memory, or made there, and brought up to date.
//
// Threads  Any number of questions may be asked at once, in any processes.
#pragma once

#include <functional>

#include <garage/catalog.hpp>

#include "sqlite.hpp"

namespace garage {

using IndexQuestion = std::function<void(sqlite::Database&)>;

// Calls it with the index, up to date. Again when its answer must not be believed: it begins anew each time.
// Throws kIo when the catalog folder cannot be read.
void ask_index(const Catalog& catalog, const IndexQuestion& question);

}  // namespace garage
