// Reading JSON that somebody else wrote.
#pragma once

#include <string_view>

#include <boost/json/value.hpp>

#include <garage/export.hpp>

namespace garage {

// How deep objects and arrays may nest in anything that we read.
inline constexpr int kMaxJsonDepth = 64;

// The whole text as one value. subject opens every message: "config.json", a path.
// Throws kCorrupt with line and column. Of two equal keys the last one stays, as in Boost.JSON.
GARAGE_API boost::json::value parse_json(std::string_view text, std::string_view subject);

// Throws kCorrupt if a key stands twice in one object: the parsed value cannot tell.
GARAGE_API void require_unique_keys(std::string_view text, std::string_view subject);

// "object", "int64", ...: what a value is, for messages.
inline std::string_view kind_name(const boost::json::value& value) {
  const auto name = boost::json::to_string(value.kind());  // Boost's own view from 1.82 on, which fmt does not know
  return {name.data(), name.size()};
}

}  // namespace garage
