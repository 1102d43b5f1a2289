// Without root's powers, so that a file without read permission cannot be read.
#pragma once

#include <unistd.h>

namespace garage::test {

class AsNobody {
 public:
  AsNobody() : before_(::geteuid()) {
    if (before_ == 0 && ::seteuid(65534) != 0) ::_exit(1);
  }
  AsNobody(const AsNobody&) = delete;
  AsNobody& operator=(const AsNobody&) = delete;
  ~AsNobody() {
    if (::seteuid(before_) != 0) ::_exit(1);
  }

 private:
  uid_t before_;
};

}  // namespace garage::test
