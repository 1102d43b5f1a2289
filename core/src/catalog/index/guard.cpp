#include "guard.hpp"

#include <new>

#include <sqlite3.h>
#include <sys/stat.h>

#include "guarded_file.hpp"

namespace garage::sqlite {
namespace {

// A VFS that is the system's but for its files.
class Guard : public sqlite3_vfs {
 public:
  Guard(const char* name, bool emptied) : sqlite3_vfs{}, below_(sqlite3_vfs_find(nullptr)), is_emptied_(emptied) {
    iVersion = 1;
    szOsFile = static_cast<int>(sizeof(GuardedFile)) + below_->szOsFile;
    mxPathname = below_->mxPathname;
    zName = name;
    xOpen = open;
    xDelete = [](sqlite3_vfs* vfs, const char* path, int sync) { return below(vfs)->xDelete(below(vfs), path, sync); };
    xAccess = [](sqlite3_vfs* vfs, const char* path, int how, int* out) {
      return below(vfs)->xAccess(below(vfs), path, how, out);
    };
    xFullPathname = [](sqlite3_vfs* vfs, const char* path, int size, char* out) {
      return below(vfs)->xFullPathname(below(vfs), path, size, out);
    };
    xRandomness = [](sqlite3_vfs* vfs, int size, char* out) { return below(vfs)->xRandomness(below(vfs), size, out); };
    xSleep = [](sqlite3_vfs* vfs, int us) { return below(vfs)->xSleep(below(vfs), us); };
    xCurrentTime = [](sqlite3_vfs* vfs, double* out) { return below(vfs)->xCurrentTime(below(vfs), out); };
    xGetLastError = [](sqlite3_vfs* vfs, int size, char* out) {
      return below(vfs)->xGetLastError(below(vfs), size, out);
    };
    sqlite3_vfs_register(this, 0);
  }

 private:
  static sqlite3_vfs* below(sqlite3_vfs* vfs) { return static_cast<Guard*>(vfs)->below_; }

  // path is null for a file that nobody else sees. A pipe would be waited for, a device read without end.
  static bool is_openable(const char* path) {
    struct stat status {};
    return !path || ::lstat(path, &status) != 0 || S_ISREG(status.st_mode);
  }

  static int open(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* out) {
    file->pMethods = nullptr;
    if (!is_openable(path)) return SQLITE_CANTOPEN;
    if (!(flags & SQLITE_OPEN_MAIN_DB)) return below(vfs)->xOpen(below(vfs), path, file, flags, out);
    GuardedFile* made = nullptr;
    try {
      made = new (file) GuardedFile(path, static_cast<Guard*>(vfs)->is_emptied_);
    } catch (const std::bad_alloc&) { return SQLITE_NOMEM; }
    const int code = below(vfs)->xOpen(below(vfs), path, made->below(), flags, out);
    if (code == SQLITE_OK) made->pMethods = &kGuardedMethods;
    else made->~GuardedFile();
    return code;
  }

  sqlite3_vfs* below_;
  bool is_emptied_;
};

}  // namespace

const char* guarded() {
  static Guard guard("garage-guarded", false);
  return guard.zName;
}

const char* guarded_and_emptied() {
  static Guard guard("garage-emptied", true);
  return guard.zName;
}

}  // namespace garage::sqlite
