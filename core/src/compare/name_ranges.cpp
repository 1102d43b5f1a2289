#include <garage/name_ranges.hpp>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace garage {
namespace {

// Digits as a part's name has them: what else stands there ("-1", "007") belongs to the stem, and is shown as it is. No
// longer than what can be counted with.
bool is_index(std::string_view text) {
  return !text.empty() && text.size() <= 18 && text.find_first_not_of("0123456789") == text.npos &&
         (text == "0" || text.front() != '0');
}

// "expert_5_17" is stem "expert" and numbers 5, 17.
struct Split {
  std::string stem;
  std::vector<std::int64_t> numbers;
};

Split split(std::string_view name) {
  Split made;
  while (made.numbers.size() < 2) {
    const auto underscore = name.rfind('_');
    if (underscore == name.npos) break;
    const auto digits = name.substr(underscore + 1);
    if (!is_index(digits)) break;
    std::int64_t number = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), number);
    made.numbers.insert(made.numbers.begin(), number);
    name = name.substr(0, underscore);
  }
  made.stem = name;
  return made;
}

// "{0..31}", "{0..24..2}" (every second, as in a shell), "{0,1,5}", "7". Requires: sorted.
std::string range(const std::vector<std::int64_t>& numbers) {
  if (numbers.size() == 1) return std::to_string(numbers.front());
  const auto step = numbers[1] - numbers[0];
  bool even = true;
  for (std::size_t i = 1; i < numbers.size(); ++i) even = even && numbers[i] - numbers[i - 1] == step;
  if (even && step == 1) return fmt::format("{{{}..{}}}", numbers.front(), numbers.back());
  if (even && numbers.size() > 2) return fmt::format("{{{}..{}..{}}}", numbers.front(), numbers.back(), step);
  // Runs between gaps.
  std::vector<std::string> runs;
  for (std::size_t first = 0; first < numbers.size();) {
    auto last = first;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) ++last;
    runs.push_back(last == first ? std::to_string(numbers[first])
                                 : fmt::format("{}..{}", numbers[first], numbers[last]));
    first = last + 1;
  }
  return fmt::format("{{{}}}", fmt::join(runs, ","));
}

std::string folded(const std::string& stem, std::vector<std::vector<std::int64_t>> numbers) {
  std::sort(numbers.begin(), numbers.end());
  if (numbers.front().empty()) return stem;
  if (numbers.front().size() == 1) {
    std::vector<std::int64_t> layers;
    for (const auto& each : numbers) layers.push_back(each[0]);
    return fmt::format("{}_{}", stem, range(layers));
  }
  std::map<std::int64_t, std::vector<std::int64_t>> by_layer;
  for (const auto& each : numbers) by_layer[each[0]].push_back(each[1]);
  std::map<std::string, std::vector<std::int64_t>> by_range;
  for (const auto& [layer, inner] : by_layer) by_range[range(inner)].push_back(layer);
  std::vector<std::string> texts;
  for (const auto& [inner, layers] : by_range) texts.push_back(fmt::format("{}_{}_{}", stem, range(layers), inner));
  return fmt::format("{}", fmt::join(texts, ", "));
}

}  // namespace

std::string name_ranges(const std::vector<std::string>& names) {
  std::vector<std::pair<Split, std::vector<std::vector<std::int64_t>>>> stems;  // with as many numbers each
  std::map<std::pair<std::string, std::size_t>, std::size_t> index;
  for (const auto& name : names) {
    auto parts = split(name);
    const auto [at, fresh] = index.emplace(std::pair(parts.stem, parts.numbers.size()), stems.size());
    if (fresh) stems.push_back({parts, {}});
    stems[at->second].second.push_back(parts.numbers);
  }
  std::vector<std::string> texts;
  for (auto& [parts, numbers] : stems) texts.push_back(folded(parts.stem, std::move(numbers)));
  return fmt::format("{}", fmt::join(texts, ", "));
}

}  // namespace garage
