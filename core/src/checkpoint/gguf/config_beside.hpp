// A config.json that lies beside a GGUF file. It may say what metadata have no keys for, such as which layers look
// through a window; what both say must be the same.
#pragma once

#include <filesystem>

#include <boost/json/object.hpp>

#include "gguf_table.hpp"

namespace garage {

// own: what the file's metadata say (gguf_config.hpp). beside: empty where there is none. path: the GGUF file.
// Throws kCorrupt, with both values, where they are two models'.
boost::json::object with_config_beside(boost::json::object own, const boost::json::object& beside,
                                       const GgufTable& table, const std::filesystem::path& path);

}  // namespace garage
