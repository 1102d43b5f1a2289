#include <garage/json.hpp>

#include <cmath>
#include <cstdlib>
#include <set>
#include <vector>

#include <locale.h>

#include <boost/json/value_stack.hpp>

#include "json_events.hpp"

namespace garage {
namespace {

constexpr const char* kSpecialFloat = "__float__";

const char* special_word(double number) { return std::isnan(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity"; }

// The nearest double, whatever the process's locale is. libc++ 14 has no std::from_chars for it.
double nearest_to(const std::string& digits) {
  static const locale_t plain = ::newlocale(LC_ALL_MASK, "C", nullptr);
  return ::strtod_l(digits.c_str(), nullptr, plain);
}

// As boost::json::parser, but for numbers: that one's may differ from the nearest double in the last place.
class ValueEvents : public JsonEvents<ValueEvents> {
 public:
  explicit ValueEvents(boost::json::value_stack& stack) : stack_(stack) {}

  void key(std::string_view text) { stack_.push_key(text); }
  void string(std::string_view text) { stack_.push_string(text); }
  void integer(std::int64_t value) { stack_.push_int64(value); }
  void unsigned_integer(std::uint64_t value) { stack_.push_uint64(value); }

  bool on_object_end(std::size_t size, error_code&) {
    stack_.push_object(size);
    return true;
  }
  bool on_array_end(std::size_t size, error_code&) {
    stack_.push_array(size);
    return true;
  }
  bool on_number_part(string_view part, error_code&) {
    digits_.append(part.data(), part.size());
    return true;
  }
  bool on_int64(std::int64_t value, string_view text, error_code& code) {
    digits_.clear();
    return JsonEvents::on_int64(value, text, code);
  }
  bool on_uint64(std::uint64_t value, string_view text, error_code& code) {
    digits_.clear();
    return JsonEvents::on_uint64(value, text, code);
  }
  bool on_double(double, string_view last, error_code&) {
    digits_.append(last.data(), last.size());
    const auto number = nearest_to(digits_);
    digits_.clear();
    if (std::isfinite(number)) stack_.push_double(number);
    else push_infinite(number);
    return true;
  }
  bool on_bool(bool flag, error_code&) {
    stack_.push_bool(flag);
    return true;
  }
  bool on_null(error_code&) {
    stack_.push_null();
    return true;
  }

 private:
  void push_infinite(double number) {
    stack_.push_key(kSpecialFloat);
    stack_.push_string(special_word(number));
    stack_.push_object(1);
  }

  boost::json::value_stack& stack_;
  std::string digits_;  // of the number that is being read
};

class UniqueKeys : public JsonEvents<UniqueKeys> {
 public:
  explicit UniqueKeys(std::string_view subject) : subject_(subject) {}

  void object_begin() { open_.emplace_back(); }
  void object_end() { open_.pop_back(); }
  void key(std::string_view text) {
    if (!open_.back().emplace(text).second)
      throw Error(Errc::kCorrupt, fmt::format("{}: key '{}' stands twice", subject_, text));
  }

 private:
  std::string_view subject_;
  std::vector<std::set<std::string, std::less<>>> open_;
};

}  // namespace

boost::json::value parse_json(std::string_view text, std::string_view subject) {
  boost::json::value_stack stack;
  stack.reset();
  read_json_events<ValueEvents>(text, subject, stack);
  return stack.release();
}

void require_unique_keys(std::string_view text, std::string_view subject) {
  read_json_events<UniqueKeys>(text, subject, subject);
}

boost::json::value special_float(double number) { return {{kSpecialFloat, special_word(number)}}; }

std::optional<std::string_view> special_float_in(const boost::json::value& value) {
  const auto* object = value.if_object();
  const auto* word = object && object->size() == 1 ? object->if_contains(kSpecialFloat) : nullptr;
  const auto* text = word ? word->if_string() : nullptr;
  if (!text || (*text != "NaN" && *text != "Infinity" && *text != "-Infinity")) return std::nullopt;
  return std::string_view(text->data(), text->size());
}

}  // namespace garage
