// JsonEvents: a handler for boost::json::basic_parser that ignores everything; readers override what they need.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include <boost/json/basic_parser_impl.hpp>
#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/json.hpp>

namespace garage {

// Keys and strings arrive whole: `text` joins the pieces that the parser hands out.
template <class Derived>
struct JsonEvents {
  static constexpr std::size_t max_object_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_array_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_key_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_string_size = std::numeric_limits<std::size_t>::max();

  using error_code = boost::json::error_code;
  using string_view = boost::json::string_view;

  // To override in Derived.
  void object_begin() {}
  void object_end() {}
  void array_begin() {}
  void array_end() {}
  void key(std::string_view) {}
  void string(std::string_view) {}
  void integer(std::int64_t) {}
  void unsigned_integer(std::uint64_t) {}
  void other(std::string_view /*what*/) {}  // a real number, true, false, null

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code&) {
    self().object_begin();
    return true;
  }
  bool on_object_end(std::size_t, error_code&) {
    self().object_end();
    return true;
  }
  bool on_array_begin(error_code&) {
    self().array_begin();
    return true;
  }
  bool on_array_end(std::size_t, error_code&) {
    self().array_end();
    return true;
  }
  bool on_key_part(string_view part, std::size_t, error_code&) {
    text_.append(part.data(), part.size());
    return true;
  }
  bool on_string_part(string_view part, std::size_t, error_code&) { return on_key_part(part, 0, ignored_); }
  bool on_key(string_view last, std::size_t, error_code&) {
    whole(last, [this](std::string_view text) { self().key(text); });
    return true;
  }
  bool on_string(string_view last, std::size_t, error_code&) {
    whole(last, [this](std::string_view text) { self().string(text); });
    return true;
  }
  bool on_number_part(string_view, error_code&) { return true; }
  bool on_int64(std::int64_t value, string_view, error_code&) {
    self().integer(value);
    return true;
  }
  bool on_uint64(std::uint64_t value, string_view, error_code&) {
    self().unsigned_integer(value);
    return true;
  }
  bool on_double(double, string_view digits, error_code&) {
    self().other(digits.find_first_of(".eE") == digits.npos ? "a number beyond 64 bits" : "a number with a fraction");
    return true;
  }
  bool on_bool(bool, error_code&) {
    self().other("true or false");
    return true;
  }
  bool on_null(error_code&) {
    self().other("null");
    return true;
  }
  bool on_comment_part(string_view, error_code&) { return true; }
  bool on_comment(string_view, error_code&) { return true; }

 private:
  Derived& self() { return static_cast<Derived&>(*this); }

  template <class Deliver>
  void whole(string_view last, Deliver deliver) {
    if (text_.empty()) return deliver(std::string_view(last.data(), last.size()));
    text_.append(last.data(), last.size());
    deliver(std::string_view(text_));
    text_.clear();
  }

  std::string text_;
  error_code ignored_;
};

// "not valid JSON at line 1, column 18: syntax error".
inline std::string json_fault(std::string_view text, std::size_t offset, const boost::json::error_code& code) {
  const auto before = text.substr(0, offset);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const auto column = before.size() - (before.rfind('\n') == before.npos ? 0 : before.rfind('\n') + 1) + 1;
  if (code == boost::json::error::too_deep)
    return fmt::format("nested deeper than {} levels at line {}, column {}", kMaxJsonDepth, line, column);
  const auto what = text.find_first_not_of(" \t\r\n") == text.npos ? std::string("it is empty") : code.message();
  return fmt::format("not valid JSON at line {}, column {}: {}", line, column, what);
}

// Runs a Handler made of args over the whole text, and answers it. Throws kCorrupt when the text is no JSON;
// the handler may throw too.
template <class Handler, class... Args>
Handler read_json_events(std::string_view text, std::string_view subject, Args&&... args) {
  boost::json::parse_options options;
  options.max_depth = kMaxJsonDepth;
  boost::json::basic_parser<Handler> parser(options, std::forward<Args>(args)...);
  boost::json::error_code code;
  const auto used = parser.write_some(false, text.data(), text.size(), code);
  if (!code && used < text.size()) code = boost::json::make_error_code(boost::json::error::extra_data);
  if (code) throw Error(Errc::kCorrupt, fmt::format("{}: {}", subject, json_fault(text, used, code)));
  return std::move(parser.handler());
}

}  // namespace garage
