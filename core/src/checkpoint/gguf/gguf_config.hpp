// The config.json that a GGUF file stands for, as its architecture's table has it.
#pragma once

#include <boost/json/object.hpp>

#include "gguf_model.hpp"
#include "gguf_table.hpp"

namespace garage {

// Throws kCorrupt (the table; a value of the file that is missing or of the wrong kind), kUnsupported (metadata of the
// architecture that the table does not know: it may change what the model computes).
boost::json::object gguf_config(const GgufModel& model, const GgufTable& table);

// One of the table's expressions: "$key|$other|1.0".
//   $key   what the file says under <architecture>.key
//   @name  the rows of that tensor
//   ?name  whether the file has that tensor;  !name  whether it has it not
//   %rope_scaling  the config's object of that name, null where the rope is plain
//   else   JSON, or a text
// The first alternative that is there counts. Throws as above where none is.
boost::json::value gguf_value(const GgufModel& model, const GgufTable& table, const std::string& expression);

}  // namespace garage
