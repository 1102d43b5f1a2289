#include <garage/json_writer.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <utility>

#include <boost/json/object.hpp>

#include <garage/json.hpp>
#include <garage/path_text.hpp>

#include "../text/utf8.hpp"

namespace garage {
namespace {

// RFC 8259: all but control characters, quotes and backslashes stand for themselves. Of these, what is ASCII: the rest
// has to be looked at, since a document is UTF-8 and a text may be any bytes.
constexpr auto kPlain = [] {
  std::array<bool, 256> plain{};
  for (std::size_t c = 0x20; c < 0x80; ++c) plain[c] = c != '"' && c != '\\';
  return plain;
}();

constexpr std::uint64_t in_each_byte(std::uint64_t byte) { return byte * 0x0101010101010101; }

// The same of eight characters at once: a byte's top bit is set where subtracting has borrowed from it. What follows
// a character that is not plain may be called so, too.
bool all_plain(std::uint64_t eight) {
  const auto below = [](std::uint64_t bytes, std::uint64_t limit) { return (bytes - in_each_byte(limit)) & ~bytes; };
  const auto is = [&](char c) { return below(eight ^ in_each_byte(static_cast<unsigned char>(c)), 1); };
  return ((eight | below(eight, 0x20) | is('"') | is('\\')) & in_each_byte(0x80)) == 0;
}

bool copy_eight_plain(const char* from, char* to) {
  std::uint64_t eight;
  std::memcpy(&eight, from, sizeof eight);
  if (!all_plain(eight)) return false;
  std::memcpy(to, &eight, sizeof eight);
  return true;
}

// Copies characters that stand for themselves, up to the first that does not; answers how many.
std::size_t copy_plain(std::string_view text, char* to) {
  std::size_t size = 0;
  if (text.size() >= 8) {
    const auto last = text.size() - 8;
    while (size < last && copy_eight_plain(text.data() + size, to + size)) size += 8;
    if (size >= last && copy_eight_plain(text.data() + last, to + last)) return text.size();
  }
  for (; size < text.size() && kPlain[static_cast<unsigned char>(text[size])]; ++size) to[size] = text[size];
  return size;
}

}  // namespace

std::string JsonWriter::take() {
  out_.resize(std::exchange(size_, 0));
  return std::move(out_);
}

char* JsonWriter::grow(std::size_t bytes) {
  out_.resize(std::max({2 * out_.size(), size_ + bytes, std::size_t{256}}));
  return out_.data() + size_;
}

char* JsonWriter::new_line(char* to) const {
  *to++ = '\n';
  return std::fill_n(to, depth_, ' ');
}

// Needs room for the longest separator.
char* JsonWriter::separate(char* to) {
  if (!first_) *to++ = ',';
  if (depth_ <= lines_to_depth_) to = new_line(to);
  else if (!first_ && style_ == JsonStyle::readable) *to++ = ' ';
  first_ = false;
  return to;
}

void JsonWriter::begin_object() {
  put('{');
  ++depth_;
  first_ = true;
}

void JsonWriter::end_object() {
  --depth_;
  auto* to = room(longest_separator());
  if (!first_ && depth_ < lines_to_depth_) to = new_line(to);
  *to++ = '}';
  written_to(to);
  first_ = false;
}

// An array's elements share a line, and so does all that is in them.
void JsonWriter::begin_array() {
  put('[');
  depth_ += lines_to_depth_ + 1;
  first_ = true;
}

void JsonWriter::element() { written_to(separate(room(longest_separator()))); }

void JsonWriter::end_array() {
  depth_ -= lines_to_depth_ + 1;
  put(']');
  first_ = false;
}

void JsonWriter::key(std::string_view text) {
  element();
  string(text);
  put(style_ == JsonStyle::readable ? ": " : ":");
}

void JsonWriter::string(std::string_view text) {
  auto* to = room(text.size() + 2);
  *to++ = '"';
  const auto plain = copy_plain(text, to);
  to += plain;
  if (plain == text.size()) *to++ = '"';
  written_to(to);
  if (plain < text.size()) escape_all(text.substr(plain));
}

// The rest of a text, from a character that does not stand for itself, and the quote after it.
void JsonWriter::escape_all(std::string_view text) {
  while (!text.empty()) {
    const auto start = utf8_start(text);
    if (!start.is_character) put("\xEF\xBF\xBD");  // U+FFFD
    else if (start.bytes > 1) put(text.substr(0, start.bytes));
    else escape(text.front());
    text.remove_prefix(start.bytes);
    const auto plain = copy_plain(text, room(text.size()));
    size_ += plain;
    text.remove_prefix(plain);
  }
  put('"');
}

void JsonWriter::escape(char c) {
  static constexpr char kHex[] = "0123456789abcdef";
  put('\\');
  if (c == '"' || c == '\\') {
    put(c);
  } else {
    put("u00");
    put(kHex[static_cast<unsigned char>(c) >> 4]);
    put(kHex[c & 15]);
  }
}

void JsonWriter::integer(std::int64_t number) {
  constexpr std::size_t kLongest = 20;  // -9223372036854775808
  auto* to = room(kLongest);
  size_ += static_cast<std::size_t>(std::to_chars(to, to + kLongest, number).ptr - to);
}

// As Python's repr does: 500000.0 and 1e-05, the way in which configs and the seed's files spell them.
void JsonWriter::real(double number) {
  if (!std::isfinite(number)) return null();  // JSON has no word for it
  const auto size = std::fabs(number);
  const bool plain = size == 0 || (size >= 1e-4 && size < 1e16);
  char digits[48];
  const auto end = std::to_chars(digits, digits + sizeof digits, number,
                                 plain ? std::chars_format::fixed : std::chars_format::scientific)
                       .ptr;
  const std::string_view text(digits, end);
  put(text);
  if (text.find_first_of(".e") == text.npos) put(".0");
}

void JsonWriter::boolean(bool flag) { put(flag ? "true" : "false"); }
void JsonWriter::null() { put("null"); }

void write_json(JsonWriter& out, const std::filesystem::path& path) { out.string(path_text(path)); }

void write_json(JsonWriter& out, const boost::json::value& tree) {
  switch (tree.kind()) {
    case boost::json::kind::null: return out.null();
    case boost::json::kind::bool_: return out.boolean(tree.get_bool());
    case boost::json::kind::int64: return out.integer(tree.get_int64());
    case boost::json::kind::uint64: return out.real(static_cast<double>(tree.get_uint64()));
    case boost::json::kind::double_:
      return std::isfinite(tree.get_double()) ? out.real(tree.get_double())
                                              : write_json(out, special_float(tree.get_double()));
    case boost::json::kind::string: return out.string({tree.get_string().data(), tree.get_string().size()});
    case boost::json::kind::object: return write_json(out, tree.get_object());
    case boost::json::kind::array:
      out.begin_array();
      for (const auto& item : tree.get_array()) {
        out.element();
        write_json(out, item);
      }
      return out.end_array();
  }
}

void write_json(JsonWriter& out, const boost::json::object& tree) {
  out.begin_object();
  for (const auto& [name, item] : tree) {
    out.key({name.data(), name.size()});
    write_json(out, item);
  }
  out.end_object();
}

}  // namespace garage
