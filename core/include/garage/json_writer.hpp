// JsonWriter and write_json: described structs as JSON text, without a tree in between.
//
// Boost.JSON's value_from and serialize would do it by way of a tree, and spell 10000.0 as 1E4; a spec with 12,000
// expert parts is what makes the tree too slow.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include <boost/describe.hpp>
#include <boost/json/value.hpp>
#include <boost/mp11/algorithm.hpp>

#include <garage/export.hpp>
#include <garage/maybe.hpp>

namespace garage {

enum class JsonStyle {
  readable,
  compact,  // without white space, and without what is absent: for programs that know the struct
};

// Commas, quotes and lines; what is written is always whole JSON if every begin has its end, and UTF-8 whatever the
// texts are: in them U+FFFD stands for bytes that are not.
class GARAGE_API JsonWriter {
 public:
  // Members of objects nested less deep than lines_to_depth get a line each.
  explicit JsonWriter(int lines_to_depth = 0) : lines_to_depth_(lines_to_depth) {}
  explicit JsonWriter(JsonStyle style) : lines_to_depth_(0), style_(style) {}

  JsonStyle style() const { return style_; }
  void reserve(std::size_t bytes) { if (bytes > out_.size()) out_.resize(bytes); }
  std::string take();

  void begin_object();
  void end_object();
  void begin_array();
  void element();  // before each element
  void end_array();
  void key(std::string_view text);
  // A kWrittenKey, whose size the compiler knows: most of a spec is keys.
  template <std::size_t size>
  void written_key(const std::array<char, size>& key) {
    auto* to = separate(room(longest_separator() + size));
    std::memcpy(to, key.data(), size);
    written_to(to + size - (style_ == JsonStyle::compact));
  }

  void string(std::string_view text);
  void integer(std::int64_t number);
  void real(double number);  // the shortest text that reads back the same, with a point or an exponent
  void boolean(bool flag);
  void null();

 private:
  // Where so many bytes may be written; size_ says how many were.
  char* room(std::size_t bytes) { return out_.size() - size_ < bytes ? grow(bytes) : out_.data() + size_; }
  char* grow(std::size_t bytes);
  void put(char c) {
    *room(1) = c;
    ++size_;
  }
  void put(std::string_view text) { size_ += text.copy(room(text.size()), text.size()); }
  void escape(char c);
  void escape_all(std::string_view text);
  std::size_t longest_separator() const { return 2 + static_cast<std::size_t>(depth_); }
  char* separate(char* to);
  char* new_line(char* to) const;
  void written_to(const char* end) { size_ = static_cast<std::size_t>(end - out_.data()); }

  std::string out_;        // what is written, and room for more
  std::size_t size_ = 0;   // of what is written
  int lines_to_depth_;
  JsonStyle style_ = JsonStyle::readable;
  int depth_ = 0;
  bool first_ = true;  // nothing yet in what is open
};

// A described member's key as it is written: "heads": and a space, which compact texts leave out.
template <class Member>
inline constexpr auto kWrittenKey = [] {
  constexpr std::string_view kName = Member::name;
  std::array<char, kName.size() + 4> key{'"'};
  auto* end = std::copy(kName.begin(), kName.end(), key.data() + 1);
  for (const auto c : {'"', ':', ' '}) *end++ = c;
  return key;
}();

// Structs whose absent members are written as null; of all others an empty optional or vector is left out.
template <class T>
inline constexpr bool kKeepsNull = false;

inline void write_json(JsonWriter& out, std::string_view text) { out.string(text); }
inline void write_json(JsonWriter& out, const std::string& text) { out.string(text); }
inline void write_json(JsonWriter& out, const char* text) { out.string(text); }
GARAGE_API void write_json(JsonWriter& out, const std::filesystem::path& path);  // as path_text.hpp has it
inline void write_json(JsonWriter& out, bool flag) { out.boolean(flag); }
inline void write_json(JsonWriter& out, double number) { out.real(number); }
template <std::integral T>
void write_json(JsonWriter& out, T number) { out.integer(static_cast<std::int64_t>(number)); }
GARAGE_API void write_json(JsonWriter& out, const boost::json::value& tree);
GARAGE_API void write_json(JsonWriter& out, const boost::json::object& tree);

template <class T>
  requires std::is_enum_v<T>
void write_json(JsonWriter& out, T enumerator) {
  out.string(boost::describe::enum_to_string(enumerator, ""));
}

template <Maybe T>
void write_json(JsonWriter& out, const T& maybe) {
  if (maybe) write_json(out, *maybe);
  else out.null();
}

template <class T>
void write_json(JsonWriter& out, const std::vector<T>& list) {
  out.begin_array();
  for (const auto& item : list) {
    out.element();
    write_json(out, item);
  }
  out.end_array();
}

template <class T>
void write_member(JsonWriter& out, std::string_view name, const T& item) {
  out.key(name);
  write_json(out, item);
}

template <class T>
void write_json(JsonWriter& out, const std::map<std::string, T>& table) {
  out.begin_object();
  for (const auto& [name, item] : table) write_member(out, name, item);
  out.end_object();
}

// Structs whose members are left out where they have their defaults, as whoever reads them fills in.
template <class T>
inline constexpr bool kOmitsDefaults = false;

template <class T>
bool is_absent(const T&) { return false; }
template <Maybe T>
bool is_absent(const T& maybe) { return !maybe; }
template <class T>
bool is_absent(const std::vector<T>& list) { return list.empty(); }
template <class... Kinds>
bool is_absent(const std::variant<std::monostate, Kinds...>& choice) { return choice.index() == 0; }

// The members of a described struct, into the object that is open.
template <class T>
void write_members(JsonWriter& out, const T& described) {
  boost::mp11::mp_for_each<boost::describe::describe_members<T, boost::describe::mod_public>>([&](auto member) {
    const auto& item = described.*member.pointer;
    const bool keeps_null = kKeepsNull<T> && out.style() == JsonStyle::readable;
    if (!keeps_null && is_absent(item)) return;
    if constexpr (kOmitsDefaults<T>) {
      static const T kDefaults{};
      if (item == kDefaults.*member.pointer) return;
    }
    out.written_key(kWrittenKey<decltype(member)>);
    write_json(out, item);
  });
}

template <class T>
  requires boost::describe::has_describe_members<T>::value
void write_json(JsonWriter& out, const T& described) {
  out.begin_object();
  write_members(out, described);
  out.end_object();
}

}  // namespace garage
