#include "flag_word.hpp"

#include <algorithm>
#include <array>

namespace garage {
namespace {

using Words = std::array<std::string_view, 9>;

constexpr Words kYes = {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"};
constexpr Words kNo = {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"};

bool has(const Words& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

std::optional<bool> flag_from(std::string_view word) {
  if (has(kYes, word)) return true;
  if (has(kNo, word)) return false;
  return std::nullopt;
}

}  // namespace garage
