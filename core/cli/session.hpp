// Session: what every command is given.
#pragma once

#include <garage/registry.hpp>

namespace garage::cli {

struct Session {
  ModelRegistry registry;
  bool json;
};

}  // namespace garage::cli
