#include <garage/json_writer.hpp>

#include <array>
#include <charconv>
#include <cmath>

#include <boost/json/object.hpp>

namespace garage {
namespace {

// RFC 8259: all but control characters, quotes and backslashes stand for themselves.
constexpr auto kPlain = [] {
  std::array<bool, 256> plain{};
  for (std::size_t c = 0x20; c < plain.size(); ++c) plain[c] = c != '"' && c != '\\';
  return plain;
}();

}  // namespace

void JsonWriter::new_line() {
  out_ += '\n';
  out_.append(static_cast<std::size_t>(depth_), ' ');
}

void JsonWriter::separate() {
  if (!first_) out_ += ',';
  if (depth_ <= lines_to_depth_) new_line();
  else if (!first_) out_ += ' ';
  first_ = false;
}

void JsonWriter::begin_object() {
  out_ += '{';
  ++depth_;
  first_ = true;
}

void JsonWriter::end_object() {
  --depth_;
  if (!first_ && depth_ < lines_to_depth_) new_line();
  out_ += '}';
  first_ = false;
}

// An array's elements share a line, and so does all that is in them.
void JsonWriter::begin_array() {
  out_ += '[';
  depth_ += lines_to_depth_ + 1;
  first_ = true;
}

void JsonWriter::element() { separate(); }

void JsonWriter::end_array() {
  depth_ -= lines_to_depth_ + 1;
  out_ += ']';
  first_ = false;
}

void JsonWriter::key(std::string_view text) {
  separate();
  string(text);
  out_ += ": ";
}

void JsonWriter::string(std::string_view text) {
  out_ += '"';
  for (std::size_t i = 0; i < text.size();) {
    const auto plain = i;
    while (i < text.size() && kPlain[static_cast<unsigned char>(text[i])]) ++i;
    out_.append(text, plain, i - plain);
    if (i < text.size()) escape(text[i++]);
  }
  out_ += '"';
}

void JsonWriter::escape(char c) {
  static constexpr char kHex[] = "0123456789abcdef";
  out_ += '\\';
  if (c == '"' || c == '\\') {
    out_ += c;
  } else {
    out_ += "u00";
    out_ += kHex[static_cast<unsigned char>(c) >> 4];
    out_ += kHex[c & 15];
  }
}

void JsonWriter::integer(std::int64_t number) {
  char digits[24];
  out_.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
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
  out_.append(digits, end);
  if (std::string_view(digits, end).find_first_of(".e") == std::string_view::npos) out_ += ".0";
}

void JsonWriter::boolean(bool flag) { out_ += flag ? "true" : "false"; }
void JsonWriter::null() { out_ += "null"; }

void write_json(JsonWriter& out, const boost::json::value& tree) {
  switch (tree.kind()) {
    case boost::json::kind::null: return out.null();
    case boost::json::kind::bool_: return out.boolean(tree.get_bool());
    case boost::json::kind::int64: return out.integer(tree.get_int64());
    case boost::json::kind::uint64: return out.real(static_cast<double>(tree.get_uint64()));
    case boost::json::kind::double_: return out.real(tree.get_double());
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
