#include "replace_member.hpp"

#include <boost/json/parse.hpp>
#include <fmt/format.h>

namespace garage {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

// Goes over a text of which is known that it is JSON.
class Scan {
 public:
  explicit Scan(std::string_view text) : text_(text) {}

  std::size_t at() const { return at_; }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void skip_space() { at_ = std::min(text_.find_first_not_of(kSpace, at_), text_.size()); }
  void step() { ++at_; }

  std::string_view string() {
    const auto begin = at_++;
    while (at_ < text_.size() && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
    at_ = std::min(at_ + 1, text_.size());
    return text_.substr(begin, at_ - begin);
  }

  void value() {
    int depth = 0;
    do {
      skip_space();
      const char c = peek();
      if (c == '"') string();
      else if (c == '{' || c == '[') ++depth, step();
      else if (c == '}' || c == ']') --depth, step();
      else if (c == ',' || c == ':') step();
      else at_ = std::min(text_.find_first_of(",:{}[]\" \t\r\n", at_), text_.size());
    } while (depth > 0 && at_ < text_.size());
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

bool is_name(std::string_view literal, std::string_view name) {
  if (literal.find('\\') == literal.npos) return literal.substr(1, literal.size() - 2) == name;
  boost::json::error_code code;
  const auto value = boost::json::parse(boost::json::string_view(literal.data(), literal.size()), code);
  return !code && value.is_string() && std::string_view(value.get_string()) == name;
}

}  // namespace

std::string with_member(std::string_view text, std::string_view name, std::string_view value) {
  Scan scan(text);
  scan.skip_space();
  scan.step();  // over {
  auto last = scan.at();
  bool is_empty = true;
  for (scan.skip_space(); scan.peek() == '"'; scan.skip_space()) {
    is_empty = false;
    const auto literal = scan.string();
    scan.skip_space();
    scan.step();  // over :
    scan.skip_space();
    const auto begin = scan.at();
    scan.value();
    last = scan.at();
    if (is_name(literal, name)) return fmt::format("{}{}{}", text.substr(0, begin), value, text.substr(last));
    scan.skip_space();
    if (scan.peek() == ',') scan.step();
  }
  return fmt::format("{}{}\n  \"{}\": {}{}", text.substr(0, last), is_empty ? "" : ",", name, value, text.substr(last));
}

}  // namespace garage
