#include "guarded_file.hpp"

#include <cerrno>
#include <cstring>
#include <new>
#include <vector>

namespace garage::sqlite {
namespace {

constexpr auto kPageSize = PageSums::kPageSize;

GuardedFile& guarded_file(sqlite3_file* file) { return *static_cast<GuardedFile*>(file); }

void load_sums(GuardedFile& file) {
  std::vector<char> first(kPageSize);
  const bool is_read = file.below()->pMethods->xRead(file.below(), first.data(), kPageSize, 0) == SQLITE_OK;
  if (is_read) file.sums.load(first.data());
  else file.sums.clear();
  file.is_loaded = true;
}

int read_page(GuardedFile& file, void* out, std::size_t page) {
  if (!file.is_loaded) load_sums(file);
  const int code =
      file.below()->pMethods->xRead(file.below(), out, kPageSize, static_cast<sqlite3_int64>(page * kPageSize));
  if (code == SQLITE_IOERR_SHORT_READ && page >= file.sums.size()) return code;  // an empty file
  if (code != SQLITE_OK && code != SQLITE_IOERR_SHORT_READ) return code;
  return code == SQLITE_OK && file.sums.is_known(page, static_cast<const char*>(out)) ? SQLITE_OK : SQLITE_CORRUPT;
}

// SQLite looks at 16 bytes of the first page to learn whether the pages that it remembers are still good, and a
// database that was emptied and filled meanwhile may have the same. It is given others then, and reads the page.
void show_another_first_page(const GuardedFile& file, char* bytes, std::size_t size) {
  if (file.sums.first() != file.first_given)
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(~bytes[i]);
}

int read(sqlite3_file* given, void* out, int count, sqlite3_int64 at) try {
  auto& file = guarded_file(given);
  if (file.is_emptied) {
    std::memset(out, 0, static_cast<std::size_t>(count));
    return SQLITE_IOERR_SHORT_READ;
  }
  if (!file.is_judged()) return file.below()->pMethods->xRead(file.below(), out, count, at);
  const auto page = static_cast<std::size_t>(at) / kPageSize, offset = static_cast<std::size_t>(at) % kPageSize;
  const auto size = static_cast<std::size_t>(count);
  if (size == kPageSize && offset == 0) {
    const int code = read_page(file, out, page);
    if (page == 0 && code == SQLITE_OK) file.first_given = file.sums.first();
    return code;
  }
  if (offset + size > kPageSize) return SQLITE_CORRUPT;  // a database of larger pages
  std::vector<char> whole(kPageSize);
  const int code = read_page(file, whole.data(), page);
  if (page == 0) show_another_first_page(file, whole.data() + offset, size);
  std::memcpy(out, whole.data() + offset, size);
  return code;
} catch (const std::bad_alloc&) { return SQLITE_IOERR_NOMEM; }

int write(sqlite3_file* given, const void* from, int count, sqlite3_int64 at) try {
  auto& file = guarded_file(given);
  const auto offset = static_cast<std::size_t>(at);
  if (static_cast<std::size_t>(count) != kPageSize || offset % kPageSize != 0) return SQLITE_CORRUPT;  // as above
  if (file.is_written) file.sums.put(offset / kPageSize, static_cast<const char*>(from));
  if (file.is_written && offset == 0) file.first_given = file.sums.first();
  return file.below()->pMethods->xWrite(file.below(), from, count, at);
} catch (const std::bad_alloc&) { return SQLITE_IOERR_NOMEM; }

// SQLite says SQLITE_BUSY for a file system that has no locks, too; that one is not worth waiting for.
int lock_below(GuardedFile& file, int level) {
  errno = 0;
  const int code = file.below()->pMethods->xLock(file.below(), level);
  return code == SQLITE_BUSY && errno == ENOLCK ? SQLITE_IOERR_LOCK : code;
}

int lock(sqlite3_file* given, int level) try {
  auto& file = guarded_file(given);
  if (const int code = lock_below(file, level); code != SQLITE_OK) return code;
  if (file.lock == SQLITE_LOCK_NONE) file.is_loaded = false;
  if (level == SQLITE_LOCK_RESERVED) {
    if (!file.is_loaded) load_sums(file);
    file.is_written = true;
  }
  file.lock = level;
  if (level != SQLITE_LOCK_EXCLUSIVE || !file.is_emptied) return SQLITE_OK;
  file.is_emptied = false;
  file.sums.clear();
  return file.below()->pMethods->xTruncate(file.below(), 0);
} catch (const std::bad_alloc&) { return SQLITE_IOERR_NOMEM; }

int unlock(sqlite3_file* given, int level) {
  auto& file = guarded_file(given);
  file.lock = level;
  if (file.is_written) file.sums.clear();  // what was written was committed or rolled back: the first page says
  file.is_written = file.is_loaded = false;
  return file.below()->pMethods->xUnlock(file.below(), level);
}

int control(sqlite3_file* given, int what, void* argument) {
  auto& file = guarded_file(given);
  if (what == SQLITE_FCNTL_SYNC && file.is_written) {  // all pages are written, and the journal is still there
    sqlite3_int64 size = 0;
    const int code = file.below()->pMethods->xFileSize(file.below(), &size);
    if (code != SQLITE_OK) return code;
    if (!file.sums.save(static_cast<std::size_t>(size) / kPageSize)) return SQLITE_FULL;
  }
  return file.below()->pMethods->xFileControl(file.below(), what, argument);
}

int file_size(sqlite3_file* given, sqlite3_int64* size) {
  auto& file = guarded_file(given);
  if (!file.is_emptied) return file.below()->pMethods->xFileSize(file.below(), size);
  *size = 0;
  return SQLITE_OK;
}

int close(sqlite3_file* given) {
  auto& file = guarded_file(given);
  const int code = file.below()->pMethods->xClose(file.below());
  file.~GuardedFile();
  return code;
}

}  // namespace

const sqlite3_io_methods kGuardedMethods = [] {
  sqlite3_io_methods methods{};
  methods.iVersion = 1;  // without memory maps, which would not be judged
  methods.xClose = close;
  methods.xRead = read;
  methods.xWrite = write;
  methods.xFileSize = file_size;
  methods.xLock = lock;
  methods.xUnlock = unlock;
  methods.xFileControl = control;
  methods.xTruncate = [](sqlite3_file* file, sqlite3_int64 size) {
    auto* below = guarded_file(file).below();
    return below->pMethods->xTruncate(below, size);
  };
  methods.xSync = [](sqlite3_file* file, int how) {
    auto* below = guarded_file(file).below();
    return below->pMethods->xSync(below, how);
  };
  methods.xCheckReservedLock = [](sqlite3_file* file, int* is_held) {
    auto* below = guarded_file(file).below();
    return below->pMethods->xCheckReservedLock(below, is_held);
  };
  methods.xSectorSize = [](sqlite3_file* file) {
    auto* below = guarded_file(file).below();
    return below->pMethods->xSectorSize(below);
  };
  methods.xDeviceCharacteristics = [](sqlite3_file*) { return 0; };  // no way round the journal
  return methods;
}();

}  // namespace garage::sqlite
