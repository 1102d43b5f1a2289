// Documents of `garage.spec/1`, in catalogs and from plugins that are older than edition 2, and the Python seed's files:
// read as they were, held to the rules of their time, and upgraded.
#pragma once

#include <string_view>

#include <garage/error.hpp>
#include <garage/spec.hpp>

#include "../../json/json_reader.hpp"

namespace garage::edition1 {

inline constexpr std::string_view kSchema = "garage.spec/1";

// Throws as read_spec; contradiction is the code for a document that reads well and contradicts itself.
ModelSpec read(const JsonObject& document, const JsonPath& at, Errc contradiction);

}  // namespace garage::edition1
