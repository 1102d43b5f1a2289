// Swap levels, for people.
#pragma once

#include <string>
#include <string_view>

#include <garage/compare.hpp>

namespace garage::cli {

inline const char* level_name(SwapLevel level) { return boost::describe::enum_to_string(level, ""); }

// Of a cell that says a level: the number of an SGR sequence.
inline int level_colour(std::string_view name) {
  if (name == "identical") return 32;  // green
  if (name == "weights") return 36;    // cyan
  if (name == "drop_in") return 33;    // yellow
  return 2;                            // faint
}

}  // namespace garage::cli
