// The name of a split is what llama.cpp makes of it (src/llama.cpp, llama_split_path): "%s-%05d-of-%05d.gguf".
#include "split_name.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace garage {
namespace {

constexpr std::size_t kDigits = 5;

// The number of five digits that a text ends in, taken away from it.
std::optional<std::uint32_t> take_number(std::string_view& text) {
  const auto digits = text.substr(text.size() - std::min(text.size(), kDigits));
  if (digits.size() < kDigits || digits.find_first_not_of("0123456789") != digits.npos) return std::nullopt;
  std::uint32_t number = 0;
  for (const char digit : digits) number = number * 10 + static_cast<std::uint32_t>(digit - '0');
  text.remove_suffix(kDigits);
  return number;
}

bool take_suffix(std::string_view& text, std::string_view suffix) {
  if (!text.ends_with(suffix)) return false;
  text.remove_suffix(suffix.size());
  return true;
}

}  // namespace

std::string SplitName::file() const { return fmt::format("{}-{:05}-of-{:05}.gguf", prefix, number, count); }

std::optional<SplitName> split_name(std::string_view file) {
  auto left = file;
  if (!take_suffix(left, ".gguf")) return std::nullopt;
  const auto count = take_number(left);
  if (!count || !take_suffix(left, "-of-")) return std::nullopt;
  const auto number = take_number(left);
  if (!number || !take_suffix(left, "-")) return std::nullopt;
  if (*number < 1 || *number > *count) return std::nullopt;
  return SplitName{std::string(left), *number, *count};
}

}  // namespace garage
