// What commands ask the catalog for, with the words for what is not there.
#pragma once

#include <string>

#include "session.hpp"

namespace garage::cli {

// Throws kNotFound, with the nearest id.
SpecPtr require_spec(const Session& session, const std::string& id);

// Throws kNotFound, with the nearest name.
const PartSpec& require_part(const ModelSpec& spec, const std::string& name);

}  // namespace garage::cli
