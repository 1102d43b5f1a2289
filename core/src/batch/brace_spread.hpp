// What the braces of a glob stand for, counted before glob(3) makes it: {a,b}{a,b}... doubles with each.
#pragma once

#include <cstdint>
#include <string_view>

namespace garage {

struct BraceSpread {
  std::uint64_t patterns = 1;  // without braces; the largest number where there are more
  std::uint64_t folders = 0;   // slashes of the deepest of them, at most: those of escaped braces count as well
};

// Requires: braces that nest no deeper than the stack bears.
BraceSpread brace_spread(std::string_view pattern);

}  // namespace garage
