#include <garage/name_pattern.hpp>

namespace garage {

bool fits_pattern(std::string_view pattern, std::string_view name) {
  if (!name.ends_with(pattern.substr(pattern.rfind('*') + 1))) return false;  // most do not: the fast way out
  std::size_t p = 0, n = 0, star = pattern.npos, resume = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = n;
    } else if (p < pattern.size() && pattern[p] == name[n]) {
      ++p;
      ++n;
    } else if (star != pattern.npos) {
      p = star + 1;
      n = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == pattern.npos;
}

}  // namespace garage
