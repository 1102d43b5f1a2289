// JSON as Python's json module writes it and reads it: what a config.json is.
#pragma once

#include <string_view>

#include <boost/json/value.hpp>

namespace garage {

// As parse_json, and besides: NaN, Infinity and -Infinity may stand where a value may (special_float says how they are
// answered), and half of a surrogate pair in a string is U+FFFD. Throws kCorrupt also where a key stands twice.
boost::json::value parse_python_json(std::string_view text, std::string_view subject);

}  // namespace garage
