#include "layer_names.hpp"

#include <algorithm>
#include <charconv>

namespace garage {
namespace {

std::optional<NumberInName> number_from(std::string_view name, std::size_t begin) {
  while (begin < name.size()) {
    const auto end = std::min(name.find('.', begin), name.size());
    NumberInName found{begin, end - begin, 0};
    const auto [last, code] = std::from_chars(name.data() + begin, name.data() + end, found.number);
    if (code == std::errc() && last == name.data() + end && found.number >= 0) return found;
    begin = end + 1;
  }
  return std::nullopt;
}

}  // namespace

std::optional<NumberInName> first_number(std::string_view name) { return number_from(name, 0); }

std::optional<std::string> renumbered(std::string_view name, std::int64_t from, std::int64_t to) {
  for (auto found = number_from(name, 0); found; found = number_from(name, found->begin + found->size + 1))
    if (found->number == from)
      return std::string(name.substr(0, found->begin)) + std::to_string(to) +
             std::string(name.substr(found->begin + found->size));
  return std::nullopt;
}

}  // namespace garage
