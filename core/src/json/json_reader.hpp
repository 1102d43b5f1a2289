// read_json: described structs from a JSON text. Boost.JSON's value_to does the same, but its errors do not say which
// member they mean; here every fault is named by its path: "parts.attention_5.blueprint.heads".
//
// The text is parsed by simdjson, in a quarter of the time that Boost.JSON's values take: a spec is read for every
// model that a plugin took apart.
#pragma once

#include <algorithm>
#include <array>
#include <bitset>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <boost/describe.hpp>
#include <boost/json/object.hpp>
#include <boost/mp11/algorithm.hpp>
#include <fmt/format.h>
#include <simdjson.h>

#include <garage/error.hpp>
#include <garage/maybe.hpp>

namespace garage {

using JsonElement = simdjson::dom::element;
using JsonObject = simdjson::dom::object;

// A text as elements, which live as long as it does.
class JsonDocument {
 public:
  // subject opens every message: a path. Throws kCorrupt with line and column.
  JsonDocument(std::string_view text, std::string_view subject) : JsonDocument(text, subject, 0) {}
  // Of a text with room for kPadding bytes after it no copy is made.
  JsonDocument(const std::string& text, std::string_view subject)
      : JsonDocument(text, subject, text.capacity() - text.size()) {}
  static constexpr std::size_t kPadding = simdjson::SIMDJSON_PADDING;

  const JsonElement& root() const noexcept { return root_; }

 private:
  JsonDocument(std::string_view text, std::string_view subject, std::size_t room);

  simdjson::dom::parser parser_;  // has the elements' memory
  JsonElement root_;
};

// Where in the document we are; lives on the stack, each step pointing at the one before.
struct JsonPath {
  const JsonPath* parent = nullptr;
  std::string_view step;  // the document's name for the first
  std::size_t index = 0;  // in an array, in place of a name
  bool is_index = false;

  JsonPath operator/(std::string_view next) const { return {this, next}; }
  JsonPath operator/(std::size_t next) const { return {this, {}, next, true}; }
  std::string text() const {
    if (!parent) return std::string(step);
    return parent->text() + (parent->parent ? "." : ": ") + (is_index ? std::to_string(index) : std::string(step));
  }
};

[[noreturn]] void wrong_json(const JsonPath& at, std::string_view wanted, const JsonElement& found);
boost::json::value boost_value(const JsonElement& element);

inline JsonObject object_at(const JsonElement& element, const JsonPath& at) {
  JsonObject object;
  if (element.get(object)) wrong_json(at, "an object", element);
  return object;
}

inline std::string_view string_at(const JsonElement& element, const JsonPath& at) {
  std::string_view text;
  if (element.get(text)) wrong_json(at, "a string", element);
  return text;
}

inline void read_json(const JsonElement& element, std::string& out, const JsonPath& at) {
  out = string_at(element, at);
}

void read_json(const JsonElement& element, std::filesystem::path& out, const JsonPath& at);  // as path_text.hpp has it

inline void read_json(const JsonElement& element, bool& out, const JsonPath& at) {
  if (element.get(out)) wrong_json(at, "true or false", element);
}

inline void read_json(const JsonElement& element, double& out, const JsonPath& at) {
  if (element.get(out)) wrong_json(at, "a number", element);
}

inline void read_json(const JsonElement& element, std::int64_t& out, const JsonPath& at) {
  if (element.get(out)) wrong_json(at, "a whole number", element);
}

inline void read_json(const JsonElement& element, std::uint64_t& out, const JsonPath& at) {
  if (element.get(out)) wrong_json(at, "a whole number of 0 or more", element);
}

inline void read_json(const JsonElement& element, boost::json::object& out, const JsonPath& at) {
  out.clear();
  for (const auto& [name, item] : object_at(element, at)) out[name] = boost_value(item);
}

inline void read_json(const JsonElement& element, int& out, const JsonPath& at) {
  std::int64_t number = 0;
  if (element.get(number) || number != static_cast<int>(number)) wrong_json(at, "a whole number", element);
  out = static_cast<int>(number);
}

template <class T>
  requires std::is_enum_v<T>
void read_json(const JsonElement& element, T& out, const JsonPath& at) {
  const std::string name(string_at(element, at));
  if (!boost::describe::enum_from_string(name.c_str(), out))
    throw Error(Errc::kUnsupported, fmt::format("{}: '{}' is unknown to this version", at.text(), name));
}

template <Maybe T>
void read_json(const JsonElement& element, T& out, const JsonPath& at) {
  if (element.is_null()) out.reset();
  else read_json(element, out.emplace(), at);
}

template <class T>
void read_json(const JsonElement& element, std::vector<T>& out, const JsonPath& at) {
  simdjson::dom::array array;
  if (element.get(array)) wrong_json(at, "an array", element);
  out.clear();
  out.reserve(array.size());
  for (const auto& item : array) read_json(item, out.emplace_back(), at / (out.size() - 1));
}

template <class T>
void read_json(const JsonElement& element, std::map<std::string, T>& out, const JsonPath& at) {
  out.clear();
  for (const auto& [name, item] : object_at(element, at)) read_json(item, out[std::string(name)], at / name);
}

// A struct that refuses members that it does not know: to pass over one would be to compute something else.
template <class T>
inline constexpr bool kStrict = true;

// Members that a document must have. Every other one that is missing has its C++ default, so that a struct may grow and
// yesterday's documents still read; what no value can stand for is for rules to refuse (blueprint_rules.hpp).
template <class T>
inline constexpr auto kRequired = [] {
  if constexpr (requires { T::kNeeds; }) return T::kNeeds;
  else return std::array<std::string_view, 0>{};
}();

template <class T>
using DescribedMembers = boost::describe::describe_members<T, boost::describe::mod_public>;

template <class T>
inline constexpr std::size_t kMemberCount = boost::mp11::mp_size<DescribedMembers<T>>::value;

// Which of T's members has this name; likely is the first to be tried. kMemberCount<T> when none has.
template <class T>
std::size_t member_place(std::string_view name, std::size_t likely) {
  static constexpr auto kNames = []<template <class...> class List, class... Members>(List<Members...>) {
    return std::array<std::string_view, sizeof...(Members)>{Members::name...};
  }(DescribedMembers<T>());
  if (likely < kNames.size() && kNames[likely] == name) return likely;
  return std::find(kNames.begin(), kNames.end(), name) - kNames.begin();
}

// also_known: a member that may stand beside the described ones.
template <class T>
void read_members(const JsonObject& object, T& out, const JsonPath& at, std::string_view also_known = {}) {
  constexpr auto kCount = kMemberCount<T>;
  std::bitset<kCount> seen;
  std::size_t likely = 0;  // members mostly come in the order in which we write them
  for (const auto& [name, element] : object) {
    const auto place = member_place<T>(name, likely);
    if (place == kCount && (!kStrict<T> || name == also_known)) continue;
    if (place == kCount)
      throw Error(Errc::kUnsupported, fmt::format("{}: has '{}', which is unknown to this version", at.text(), name));
    if (seen.test(place)) throw Error(Errc::kCorrupt, fmt::format("{}: has '{}' twice", at.text(), name));
    seen.set(place);
    likely = place + 1;
    boost::mp11::mp_with_index<kCount>(place, [&, at_member = at / name, &value = element](auto i) {
      read_json(value, out.*boost::mp11::mp_at<DescribedMembers<T>, decltype(i)>::pointer, at_member);
    });
  }
  for (const auto name : kRequired<T>)
    if (!seen.test(member_place<T>(name, kCount)))
      throw Error(Errc::kCorrupt, fmt::format("{}: has no '{}'", at.text(), name));
}

template <class T>
  requires boost::describe::has_describe_members<T>::value
void read_json(const JsonElement& element, T& out, const JsonPath& at) {
  read_members(object_at(element, at), out, at);
}

}  // namespace garage
