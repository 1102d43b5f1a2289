#include "shell_word.hpp"

#include <algorithm>
#include <string_view>

namespace garage {

std::string shell_word(const std::filesystem::path& path) {
  constexpr std::string_view kPlain = "/._-+=:,@%";
  const auto& text = path.native();
  const bool is_plain = std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || kPlain.find(c) != kPlain.npos;
  });
  if (is_plain && !text.empty()) return text;
  std::string word = "'";
  for (const char c : text) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return word + "'";
}

}  // namespace garage
