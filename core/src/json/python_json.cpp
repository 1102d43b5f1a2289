// Beyond RFC 8259 (Python: Lib/json/decoder.py and encoder.py):
//
//   NaN  Infinity  -Infinity   where a value may stand
//   "\ud800"                   one of a pair of surrogates without the other, which UTF-8 cannot spell
#include "python_json.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <string>

#include <boost/json/serialize.hpp>

#include <garage/json.hpp>

namespace garage {
namespace {

struct Word {
  std::string_view text;
  double number;
};
constexpr std::array<Word, 3> kWords = {{{"NaN", std::numeric_limits<double>::quiet_NaN()},
                                         {"Infinity", std::numeric_limits<double>::infinity()},
                                         {"-Infinity", -std::numeric_limits<double>::infinity()}}};

// How a word is spelled in what Boost.JSON reads.
enum class Spelling {
  placeholder,  // a number as long as the word, so that a fault further on keeps its column
  portable      // as special_float has it
};

// The text in words that RFC 8259 has; what is broken stays so, and where it was.
class Standard {
 public:
  Standard(std::string_view text, Spelling spelling) : text_(text), spelling_(spelling) {}

  std::string spelled() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"') string();
      else if (const auto* word = may_be_value_ ? word_here() : nullptr) replace(*word);
      else {
        if (!is_space(c)) may_be_value_ = c == ':' || c == ',' || c == '[';
        keep(1);
      }
    }
    return std::move(out_);
  }

 private:
  static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

  void keep(std::size_t bytes) {
    out_ += text_.substr(at_, bytes);
    at_ = std::min(at_ + bytes, text_.size());
  }

  const Word* word_here() const {
    for (const auto& word : kWords)
      if (text_.substr(at_).starts_with(word.text)) return &word;
    return nullptr;
  }

  void replace(const Word& word) {
    if (spelling_ == Spelling::portable) out_ += boost::json::serialize(special_float(word.number));
    else out_ += "0" + std::string(word.text.size() - 1, ' ');
    at_ += word.text.size();
    may_be_value_ = false;
  }

  void string() {
    may_be_value_ = false;
    keep(1);
    while (at_ < text_.size() && text_[at_] != '"') {
      if (text_[at_] == '\\') escape();
      else keep(1);
    }
    keep(1);
  }

  void escape() {
    const auto unit = code_unit(at_);
    if (unit >= 0xD800 && unit < 0xDC00 && is_low(code_unit(at_ + 6))) return keep(12);
    if (unit < 0xD800 || unit >= 0xE000) return keep(2);
    out_ += "\\ufffd";
    at_ += 6;
  }

  static bool is_low(unsigned unit) { return unit >= 0xDC00 && unit < 0xE000; }

  // Of the escape \uXXXX that stands there; 0 where none does.
  unsigned code_unit(std::size_t at) const {
    if (at > text_.size() || !text_.substr(at).starts_with("\\u")) return 0;
    const auto digits = text_.substr(at + 2, 4);
    unsigned unit = 0;
    const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), unit, 16);
    return code == std::errc() && end == digits.data() + 4 ? unit : 0;
  }

  std::string_view text_;
  Spelling spelling_;
  std::string out_;
  std::size_t at_ = 0;
  bool may_be_value_ = true;
};

}  // namespace

boost::json::value parse_python_json(std::string_view text, std::string_view subject) {
  require_unique_keys(Standard(text, Spelling::placeholder).spelled(), subject);
  return parse_json(Standard(text, Spelling::portable).spelled(), subject);
}

}  // namespace garage
