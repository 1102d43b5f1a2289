// What a quantiser's part of the config says, read with a refusal wherever something else stands there.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

namespace garage {

class Settings {
 public:
  // where: "<path>: config.json: quantization_config". object must outlive this.
  Settings(const boost::json::object& object, std::string where) : object_(&object), where_(std::move(where)) {}

  // Nothing where the key is absent or null. Throw kCorrupt where it holds another kind.
  std::optional<std::int64_t> integer(std::string_view key) const;
  std::optional<std::string> text(std::string_view key) const;
  std::optional<Settings> object(std::string_view key) const;
  // Numbers from 1 to 2^31 - 1: how many there are of something.
  std::optional<std::int64_t> count(std::string_view key) const;
  std::optional<std::array<std::int64_t, 2>> two_counts(std::string_view key) const;
  // False where it is absent or null.
  bool flag(std::string_view key) const;

  const boost::json::value* find(std::string_view key) const;  // null: absent, or null
  const boost::json::object& all() const noexcept { return *object_; }
  const std::string& where() const noexcept { return where_; }

  // Throws it, saying that of this value: "bits is 5, and 2, 3, 4 and 8 are read".
  [[noreturn]] void unsupported(const std::string& what) const;
  [[noreturn]] void corrupt(const std::string& what) const;

 private:
  [[noreturn]] void wrong_kind(std::string_view key, const boost::json::value& value, std::string_view expected) const;

  const boost::json::object* object_;
  std::string where_;
};

}  // namespace garage
