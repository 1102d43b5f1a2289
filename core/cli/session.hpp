// Session: what every command is given.
#pragma once

#include <garage/registry.hpp>

namespace garage::cli {

struct Session {
  ModelRegistry registry;
  bool json;
  int exit_code = 0;  // for a command that answers, and yet did not do all: 0 is success, garage::Errc what failed
};

}  // namespace garage::cli
