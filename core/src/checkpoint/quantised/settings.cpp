#include "settings.hpp"

#include <limits>

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include <garage/error.hpp>
#include <garage/json.hpp>

namespace garage {
namespace {

constexpr std::int64_t kMaxCount = std::numeric_limits<std::int32_t>::max();

bool is_count(std::int64_t number) { return number >= 1 && number <= kMaxCount; }

}  // namespace

const boost::json::value* Settings::find(std::string_view key) const {
  const auto* value = object_->if_contains(boost::json::string_view(key.data(), key.size()));
  return value && !value->is_null() ? value : nullptr;
}

std::optional<std::int64_t> Settings::integer(std::string_view key) const {
  const auto* value = find(key);
  if (!value) return std::nullopt;
  if (!value->is_int64()) wrong_kind(key, *value, "an integer");
  return value->get_int64();
}

std::optional<std::int64_t> Settings::count(std::string_view key) const {
  const auto number = integer(key);
  if (number && !is_count(*number)) corrupt(fmt::format("'{}' is {}, should be from 1 to {}", key, *number, kMaxCount));
  return number;
}

std::optional<std::array<std::int64_t, 2>> Settings::two_counts(std::string_view key) const {
  const auto* value = find(key);
  if (!value) return std::nullopt;
  const auto* list = value->if_array();
  if (!list || list->size() != 2) corrupt(fmt::format("'{}' is no list of two numbers", key));
  std::array<std::int64_t, 2> numbers{};
  for (std::size_t i = 0; i < 2; ++i) {
    const auto* number = (*list)[i].if_int64();
    if (!number || !is_count(*number))
      corrupt(fmt::format("'{}' is no list of two numbers from 1 to {}", key, kMaxCount));
    numbers[i] = *number;
  }
  return numbers;
}

std::optional<std::string> Settings::text(std::string_view key) const {
  const auto* value = find(key);
  if (!value) return std::nullopt;
  if (!value->is_string()) wrong_kind(key, *value, "a string");
  return std::string(value->get_string());
}

std::optional<Settings> Settings::object(std::string_view key) const {
  const auto* value = find(key);
  if (!value) return std::nullopt;
  if (!value->is_object()) wrong_kind(key, *value, "an object");
  return Settings(value->get_object(), fmt::format("{}.{}", where_, key));
}

bool Settings::flag(std::string_view key) const {
  const auto* value = find(key);
  if (!value) return false;
  if (!value->is_bool()) wrong_kind(key, *value, "true or false");
  return value->get_bool();
}

void Settings::unsupported(const std::string& what) const {
  throw Error(Errc::kUnsupported, fmt::format("{}: {}", where_, what));
}

void Settings::corrupt(const std::string& what) const {
  throw Error(Errc::kCorrupt, fmt::format("{}: {}", where_, what));
}

void Settings::wrong_kind(std::string_view key, const boost::json::value& value, std::string_view expected) const {
  corrupt(fmt::format("'{}' is of kind {}, should be {}", key, kind_name(value), expected));
}

}  // namespace garage
