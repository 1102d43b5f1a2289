// How a GGUF file's rope is scaled, as a config's rope_scaling says it.
#pragma once

#include <string>
#include <vector>

#include <boost/json/value.hpp>

#include "gguf_model.hpp"

namespace garage {

// The metadata keys, without their architecture, that are read here.
const std::vector<std::string>& rope_scaling_keys();

// Null where it is plain. Throws kUnsupported (a kind that nobody here knows, a key that changes what no config says),
// kCorrupt (a number is missing; factors that are none).
boost::json::value gguf_rope_scaling(const GgufModel& model);

}  // namespace garage
