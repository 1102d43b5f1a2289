#include "brace_spread.hpp"

#include <algorithm>
#include <limits>

namespace garage {
namespace {

// Of glob's own way: a brace that is not closed, or has a backslash before it, is a letter. Counting it as a brace gives
// too many and never too few.
class Spread {
 public:
  explicit Spread(std::string_view rest) : rest_(rest) {}

  // Up to the end of the text; in a brace also up to its comma or its end.
  BraceSpread sequence(bool in_brace) {
    BraceSpread all;
    while (!rest_.empty() && !(in_brace && (rest_.front() == ',' || rest_.front() == '}'))) {
      const char letter = rest_.front();
      rest_.remove_prefix(1);
      if (letter == '/') ++all.folders;
      if (letter != '{') continue;
      const auto inner = alternatives();
      if (__builtin_mul_overflow(all.patterns, inner.patterns, &all.patterns)) all.patterns = kMost;
      all.folders += inner.folders;
    }
    return all;
  }

 private:
  static constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();

  BraceSpread alternatives() {
    BraceSpread all{0, 0};
    std::uint64_t slashes = 0;
    char last = ',';
    while (last == ',') {
      const auto one = sequence(true);
      if (__builtin_add_overflow(all.patterns, one.patterns, &all.patterns)) all.patterns = kMost;
      all.folders = std::max(all.folders, one.folders);
      slashes += one.folders;
      last = take();
    }
    if (last != '}') all.folders = slashes;  // it was none: all of it is one name
    return all;
  }

  char take() {
    if (rest_.empty()) return '\0';
    const char letter = rest_.front();
    rest_.remove_prefix(1);
    return letter;
  }

  std::string_view rest_;
};

}  // namespace

BraceSpread brace_spread(std::string_view pattern) { return Spread(pattern).sequence(false); }

}  // namespace garage
