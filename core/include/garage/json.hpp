// Reading JSON that somebody else wrote.
#pragma once

#include <optional>
#include <string_view>

#include <boost/json/value.hpp>

#include <garage/export.hpp>

namespace garage {

// How deep objects and arrays may nest in anything that we read.
inline constexpr int kMaxJsonDepth = 64;

// The whole text as one value. subject opens every message: "config.json", a path.
// Throws kCorrupt with line and column. Of two equal keys the last one stays, as in Boost.JSON. A number beyond what a
// double holds is infinite, and stands as special_float has it.
GARAGE_API boost::json::value parse_json(std::string_view text, std::string_view subject);

// Throws kCorrupt if a key stands twice in one object: the parsed value cannot tell.
GARAGE_API void require_unique_keys(std::string_view text, std::string_view subject);

// JSON has no word for NaN and the infinities. In a config they stand as transformers 5 writes and reads them itself
// (configuration_utils.py, _encode_special_floats): {"__float__": "NaN"}, "Infinity" or "-Infinity". Every JSON library
// reads that, a plugin of any age passes over the keys that it has no use for, and where it wants a number it finds
// none and says so.
GARAGE_API boost::json::value special_float(double number);  // Requires: not finite
// The word; nothing where the value is another. A view into it.
GARAGE_API std::optional<std::string_view> special_float_in(const boost::json::value& value);

// "object", "int64", ...: what a value is, for messages.
inline std::string_view kind_name(const boost::json::value& value) {
  const auto name = boost::json::to_string(value.kind());  // Boost's own view from 1.82 on, which fmt does not know
  return {name.data(), name.size()};
}

}  // namespace garage
