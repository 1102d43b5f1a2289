// A database file that SQLite cannot misread: every page that it is given is one that the last commit left there.
//
// SQLite has no sums of its own. A damaged page often makes an error, and sometimes an answer. So a layer between it
// and the file (a VFS) holds every page against its sum (page_sums.hpp), and what is not as it was written is
// SQLITE_CORRUPT: flipped bits, pages that are zero, elsewhere or of an older commit, half of what was restored from a
// backup, what two machines wrote whose file system keeps locks from each other, and what another program wrote. A
// journal that a killed writer left is played back by SQLite and gives no page a sum: whatever is wrong with it, or
// with its absence, shows as well. It costs a hash of the pages that an answer reads, and 8 bytes a page at each
// transaction.
//
// Why not SQLite's checksums in each page (cksumvfs)? A page of an older commit has the right one.
//
// Two VFSes of these names are made known to SQLite, neither as its default: other users of it see nothing of them.
#pragma once

namespace garage::sqlite {

// Pages of PageSums::kPageSize. Opens no pipe, folder or device: SQLITE_CANTOPEN.
const char* guarded();
// The same, and whatever is in the file is no longer there: it is emptied when the first transaction is committed,
// under SQLite's own locks. Who still reads it is waited for; unlinking it would let two databases share one journal.
const char* guarded_and_emptied();

}  // namespace garage::sqlite
