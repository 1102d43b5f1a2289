#include "models_block.hpp"

#include <algorithm>
#include <cstdint>

#include <yaml-cpp/yaml.h>

namespace garage {
namespace {

constexpr std::string_view kKey = "models:";

// From a line's first byte to the one behind its end.
std::string_view line_at(std::string_view text, std::size_t at) {
  const auto end = text.find('\n', at);
  return text.substr(at, end == text.npos ? text.npos : end + 1 - at);
}

bool is_blank_or_comment(std::string_view text) {
  const auto first = text.find_first_not_of(" \r\n");
  return first == text.npos || text[first] == '#';
}

bool is_key(std::string_view line) { return line.starts_with(kKey) && is_blank_or_comment(line.substr(kKey.size())); }

// An entry of the list may begin where the key does.
bool is_in_block(std::string_view line) {
  const bool is_entry = line.starts_with('-') && line.find_first_of(" \r\n") == 1;
  return line.starts_with(' ') || is_entry || is_blank_or_comment(line);
}

// Where the first line of that kind begins; the text's end when there is none.
template <class IsWanted>
std::size_t find_line(std::string_view text, std::size_t at, IsWanted is_wanted) {
  while (at < text.size() && !is_wanted(line_at(text, at))) at += line_at(text, at).size();
  return at;
}

// They mean one thing at the beginning and another below a key.
bool has_directives(std::string_view yaml) { return yaml.starts_with('%') || yaml.find("\n%") != yaml.npos; }

bool is_yaml(std::string_view text) {
  try {
    YAML::Load(std::string(text));
    return true;
  } catch (const YAML::Exception&) { return false; }
}

// The characters of a line that may leave something open behind it.
struct Marks {
  std::int64_t quotes = 0, apostrophes = 0, braces = 0, brackets = 0, escapes = 0;  // braces, brackets: opened, not closed

  void add(char c) {
    switch (c) {
      case '"': ++quotes; break;
      case '\'': ++apostrophes; break;
      case '{': ++braces; break;
      case '}': --braces; break;
      case '[': ++brackets; break;
      case ']': --brackets; break;
      case '\\': ++escapes; break;
      default: break;
    }
  }
  bool leave_open() const {
    return quotes % 2 != 0 || apostrophes % 2 != 0 || braces != 0 || brackets != 0 || (quotes > 0 && escapes > 0);
  }
};

// A quoted text or a list that is left open takes in what follows, however it is indented, unless it makes the whole no
// YAML. Where a line might have one, it has. One pass over what may be megabytes.
bool leaves_any_open(std::string_view block) {
  Marks marks;
  for (const char c : block) {
    marks.add(c);
    if (c != '\n') continue;
    if (marks.leave_open()) return true;
    marks = {};
  }
  return marks.leave_open();
}

// Whether what follows stands at the document's own level. A text that is open would take another key in, and so may a
// list or a mapping.
bool is_closed(std::string_view before) {
  static constexpr const char* kProbe = "garage.yaml/models";
  try {
    const auto document = YAML::Load(std::string(before) + kProbe + ": here");
    return document.IsMap() && document[kProbe].IsDefined();
  } catch (const YAML::Exception&) { return false; }
}

}  // namespace

std::optional<std::string> without_models_block(std::string_view yaml) {
  const auto key = find_line(yaml, 0, is_key);
  if (key == yaml.size()) return std::nullopt;
  const auto first = key + line_at(yaml, key).size();
  const auto end = find_line(yaml, first, [](std::string_view line) { return !is_in_block(line); });
  const auto block = yaml.substr(key, end - key);
  const auto again = find_line(yaml, end, [](std::string_view line) { return line.starts_with(kKey); });
  const bool is_the_only_one = again == yaml.size() && block.find('&') == block.npos;
  if (!is_the_only_one || has_directives(yaml) || !is_closed(yaml.substr(0, key))) return std::nullopt;
  if (leaves_any_open(block) && is_yaml(yaml)) return std::nullopt;
  std::string rest(yaml.substr(0, key));
  rest.append(static_cast<std::size_t>(std::count(block.begin(), block.end(), '\n')), '\n');
  return rest.append(yaml.substr(end));
}

}  // namespace garage
