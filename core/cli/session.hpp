// Session: what every command is given.
#pragma once

#include <string>

#include <garage/registry.hpp>

namespace garage::cli {

struct Session {
  ModelRegistry registry;
  bool json;
};

// The spec of a registered model. Throws kNotFound, with the nearest id.
SpecPtr require_spec(const Session& session, const std::string& id);

}  // namespace garage::cli
