// SystemCall: what the system answers to SQLite, in this process and while this lives.
#pragma once

#include <sqlite3.h>

namespace garage::test {

class SystemCall {
 public:
  // name: as SQLite's unix VFS spells it. instead is of that call's own type. Where SQLite makes no such call, it has no
  // effect.
  template <class Function>
  SystemCall(const char* name, Function* instead)
      : vfs_(sqlite3_vfs_find(nullptr)), name_(name), before_(vfs_->xGetSystemCall(vfs_, name)) {
    if (before_) vfs_->xSetSystemCall(vfs_, name_, reinterpret_cast<sqlite3_syscall_ptr>(instead));
  }
  SystemCall(const SystemCall&) = delete;
  SystemCall& operator=(const SystemCall&) = delete;
  ~SystemCall() {
    if (before_) vfs_->xSetSystemCall(vfs_, name_, before_);
  }

 private:
  sqlite3_vfs* vfs_;
  const char* name_;
  sqlite3_syscall_ptr before_;
};

}  // namespace garage::test
