// read_json: described structs from a boost::json::value. Boost.JSON's value_to does the same, but its errors do not
// say which member they mean; here every fault is named by its path: "parts.attention_5.blueprint.heads".
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <boost/describe.hpp>
#include <boost/json/value.hpp>
#include <boost/mp11/algorithm.hpp>
#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/json.hpp>

namespace garage {

// Where in the document we are; lives on the stack, each step pointing at the one before.
struct JsonPath {
  const JsonPath* parent = nullptr;
  std::string_view step;  // the document's name for the first

  JsonPath operator/(std::string_view next) const { return {this, next}; }
  std::string text() const {
    if (!parent) return std::string(step);
    return parent->text() + (parent->parent ? "." : ": ") + std::string(step);
  }
};

[[noreturn]] inline void wrong_json(const JsonPath& at, std::string_view wanted, const boost::json::value& found) {
  throw Error(Errc::kCorrupt, fmt::format("{}: should be {}, is {}", at.text(), wanted, kind_name(found)));
}

inline std::string_view text_of(const boost::json::string& text) { return {text.data(), text.size()}; }

inline const boost::json::object& object_at(const boost::json::value& value, const JsonPath& at) {
  if (!value.is_object()) wrong_json(at, "an object", value);
  return value.get_object();
}

// A struct that refuses members that it does not know: to pass over one would be to compute something else.
template <class T>
inline constexpr bool kStrict = true;

inline void read_json(const boost::json::value& value, std::string& out, const JsonPath& at) {
  if (!value.is_string()) wrong_json(at, "a string", value);
  out = text_of(value.get_string());
}

inline void read_json(const boost::json::value& value, bool& out, const JsonPath& at) {
  if (!value.is_bool()) wrong_json(at, "true or false", value);
  out = value.get_bool();
}

inline void read_json(const boost::json::value& value, double& out, const JsonPath& at) {
  if (!value.is_number()) wrong_json(at, "a number", value);
  out = value.to_number<double>();
}

inline void read_json(const boost::json::value& value, std::int64_t& out, const JsonPath& at) {
  if (!value.is_int64()) wrong_json(at, "a whole number", value);
  out = value.get_int64();
}

inline void read_json(const boost::json::value& value, boost::json::object& out, const JsonPath& at) {
  out = object_at(value, at);
}

template <class T>
  requires std::is_enum_v<T>
void read_json(const boost::json::value& value, T& out, const JsonPath& at) {
  std::string name;
  read_json(value, name, at);
  if (!boost::describe::enum_from_string(name.c_str(), out))
    throw Error(Errc::kUnsupported, fmt::format("{}: '{}' is unknown to this version", at.text(), name));
}

template <class T>
void read_json(const boost::json::value& value, std::optional<T>& out, const JsonPath& at) {
  if (value.is_null()) out.reset();
  else read_json(value, out.emplace(), at);
}

template <class T>
void read_json(const boost::json::value& value, std::vector<T>& out, const JsonPath& at) {
  if (!value.is_array()) wrong_json(at, "an array", value);
  out.clear();
  out.reserve(value.get_array().size());
  for (const auto& item : value.get_array()) read_json(item, out.emplace_back(), at / std::to_string(out.size() - 1));
}

template <class T>
void read_json(const boost::json::value& value, std::map<std::string, T>& out, const JsonPath& at) {
  out.clear();
  for (const auto& [name, item] : object_at(value, at))
    read_json(item, out[std::string(name.data(), name.size())], at / std::string_view(name.data(), name.size()));
}

template <class T>
inline constexpr bool kMayBeLeftOut = false;
template <class T>
inline constexpr bool kMayBeLeftOut<std::optional<T>> = true;
template <class T>
inline constexpr bool kMayBeLeftOut<std::vector<T>> = true;

// Members in the order in which we write them: each is likely to be the next one.
class MemberCursor {
 public:
  explicit MemberCursor(const boost::json::object& object) : object_(object), next_(object.begin()) {}

  const boost::json::value* find(boost::json::string_view name) {
    if (next_ == object_.end() || next_->key() != name) {
      const auto found = object_.find(name);
      if (found == object_.end()) return nullptr;
      next_ = found;
    }
    return &(next_++)->value();
  }

 private:
  const boost::json::object& object_;
  boost::json::object::const_iterator next_;
};

// also_known: a member that may stand beside the described ones.
template <class T>
void read_members(const boost::json::object& object, T& out, const JsonPath& at, std::string_view also_known = {}) {
  std::size_t taken = 0;
  MemberCursor cursor(object);
  if (!also_known.empty()) taken += cursor.find(also_known) != nullptr;
  boost::mp11::mp_for_each<boost::describe::describe_members<T, boost::describe::mod_public>>([&](auto member) {
    auto& item = out.*member.pointer;
    using Item = std::remove_reference_t<decltype(item)>;
    const auto* found = cursor.find(member.name);
    taken += found != nullptr;
    if (found) read_json(*found, item, at / member.name);
    else if (kStrict<T> && !kMayBeLeftOut<Item>)
      throw Error(Errc::kCorrupt, fmt::format("{}: has no '{}'", at.text(), member.name));
  });
  if (!kStrict<T> || taken == object.size()) return;
  for (const auto& member_of : object) {
    const std::string_view name(member_of.key().data(), member_of.key().size());
    bool known = name == also_known;
    boost::mp11::mp_for_each<boost::describe::describe_members<T, boost::describe::mod_public>>(
        [&](auto member) { known = known || name == member.name; });
    if (!known)
      throw Error(Errc::kUnsupported, fmt::format("{}: has '{}', which is unknown to this version", at.text(), name));
  }
}

template <class T>
  requires boost::describe::has_describe_members<T>::value
void read_json(const boost::json::value& value, T& out, const JsonPath& at) {
  read_members(object_at(value, at), out, at);
}

}  // namespace garage
