#include <garage/sdk/config_reader.hpp>

#include <cmath>
#include <limits>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/json.hpp>

#include "read_keys.hpp"

namespace garage::sdk {
namespace {

constexpr std::int64_t kMaxDimension = std::numeric_limits<std::int32_t>::max();

// A value as the config spells it, cut to what a message can bear.
std::string shown(const boost::json::value& value) {
  if (const auto word = special_float_in(value)) return std::string(*word);
  auto text = boost::json::serialize(value);
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return text;
}

}  // namespace

ConfigReader ConfigReader::of(const Model& model) {
  if (model.config().empty())
    throw Error(Errc::kNotFound,
                "has no config: how many heads there are cannot be told from the weights; put the model's config.json "
                "beside them, or pass it with the live module");
  return ConfigReader(model.config());
}

const boost::json::value* ConfigReader::find(std::string_view key) const {
  const auto* value = object_->if_contains(boost::json::string_view(key.data(), key.size()));
  if (value) ReadKeys::note(path_, key);
  return value && !value->is_null() ? value : nullptr;
}

bool ConfigReader::has(std::string_view key) const { return find(key) != nullptr; }

bool ConfigReader::is_null(std::string_view key) const {
  const auto* value = object_->if_contains(boost::json::string_view(key.data(), key.size()));
  return value && value->is_null();
}

bool ConfigReader::is_text(std::string_view key) const {
  const auto* value = find(key);
  return value && value->is_string();
}

void ConfigReader::refuse(std::string_view key, std::string_view wanted) const {
  const auto* value = find(key);
  throw Error(Errc::kCorrupt, value ? fmt::format("{}: '{}' is {}, should be {}", path_, key, shown(*value), wanted)
                                    : fmt::format("{}: has no '{}', should be {}", path_, key, wanted));
}

void ConfigReader::unsupported(std::string_view key, std::string_view what) const {
  const auto* value = find(key);
  throw Error(Errc::kUnsupported,
              fmt::format("{}: '{}' is {}: {} is not handled", path_, key, value ? shown(*value) : "null", what));
}

std::optional<std::int64_t> ConfigReader::maybe_dimension(std::string_view key) const {
  const auto* value = find(key);
  if (!value) return std::nullopt;
  if (!value->is_int64() || value->get_int64() < 1 || value->get_int64() > kMaxDimension)
    refuse(key, fmt::format("a whole number from 1 to {}", kMaxDimension));
  return value->get_int64();
}

std::int64_t ConfigReader::dimension(std::string_view key, std::int64_t otherwise) const {
  return maybe_dimension(key).value_or(otherwise);
}

std::int64_t ConfigReader::dimension(std::string_view key) const {
  const auto value = maybe_dimension(key);
  if (!value) refuse(key, fmt::format("a whole number from 1 to {}", kMaxDimension));
  return *value;
}

std::int64_t ConfigReader::dimension_of(std::initializer_list<std::string_view> names, std::int64_t otherwise) const {
  const auto own = spelling(names);
  const auto value = maybe_dimension(own);
  for (const auto name : names)
    if (value && maybe_dimension(name).value_or(*value) != *value)
      refuse(name, fmt::format("what '{}' is, whose other name it is", own));
  return value.value_or(otherwise);
}

std::optional<double> ConfigReader::maybe_number(std::string_view key) const {
  const auto* value = find(key);
  if (!value) return std::nullopt;
  if (!value->is_number() || !std::isfinite(value->to_number<double>())) refuse(key, "a number");
  return value->to_number<double>();
}

double ConfigReader::positive(std::string_view key) const {
  if (!has(key)) refuse(key, "a number above 0");
  return positive(key, 1);
}

double ConfigReader::positive(std::string_view key, double otherwise) const {
  const auto value = maybe_number(key).value_or(otherwise);
  if (!(value > 0)) refuse(key, "a number above 0");
  return value;
}

std::vector<double> ConfigReader::numbers(std::string_view key) const {
  const auto* value = find(key);
  if (!value || !value->is_array()) refuse(key, "a list of numbers");
  std::vector<double> list;
  for (const auto& item : value->get_array()) {
    if (!item.is_number()) refuse(key, "a list of numbers");
    list.push_back(item.to_number<double>());
  }
  return list;
}

std::vector<std::string> ConfigReader::texts(std::string_view key) const {
  const auto* value = find(key);
  if (!value || !value->is_array()) refuse(key, "a list of strings");
  std::vector<std::string> list;
  for (const auto& item : value->get_array()) {
    if (!item.is_string()) refuse(key, "a list of strings");
    list.emplace_back(item.get_string());
  }
  return list;
}

std::vector<std::int64_t> ConfigReader::indices(std::string_view key) const {
  const auto* value = find(key);
  if (!value) return {};
  if (!value->is_array()) refuse(key, "a list of whole numbers");
  std::vector<std::int64_t> list;
  for (const auto& item : value->get_array()) {
    if (!item.is_int64() || item.get_int64() < 0) refuse(key, "a list of whole numbers from 0");
    list.push_back(item.get_int64());
  }
  return list;
}

std::int64_t ConfigReader::count(std::string_view key, std::int64_t otherwise) const {
  const auto* value = find(key);
  if (!value) return otherwise;
  if (!value->is_int64() || value->get_int64() < 0 || value->get_int64() > kMaxDimension)
    refuse(key, fmt::format("a whole number from 0 to {}", kMaxDimension));
  return value->get_int64();
}

bool ConfigReader::flag(std::string_view key) const {
  if (!has(key)) refuse(key, "true or false");
  return flag(key, false);
}

bool ConfigReader::flag(std::string_view key, bool otherwise) const {
  const auto* value = find(key);
  if (value && !value->is_bool()) refuse(key, "true or false");
  return value ? value->get_bool() : otherwise;
}

std::string ConfigReader::text(std::string_view key) const {
  if (!has(key)) refuse(key, "a string");
  return text(key, "");
}

std::string ConfigReader::text(std::string_view key, std::string_view otherwise) const {
  const auto* value = find(key);
  if (value && !value->is_string()) refuse(key, "a string");
  return value ? std::string(value->get_string()) : std::string(otherwise);
}

std::optional<ConfigReader> ConfigReader::maybe_object(std::string_view key) const {
  const auto* value = find(key);
  if (!value) return std::nullopt;
  if (!value->is_object() || special_float_in(*value)) refuse(key, "an object");
  return ConfigReader(value->get_object(), fmt::format("{}: {}", path_, key));
}

ConfigReader ConfigReader::section(std::string_view key) const {
  static const boost::json::object kNothing;
  return maybe_object(key).value_or(ConfigReader(kNothing, fmt::format("{}: {}", path_, key)));
}

std::string_view ConfigReader::spelling(std::initializer_list<std::string_view> keys) const {
  for (const auto key : keys)
    if (has(key)) return key;
  return *keys.begin();
}

}  // namespace garage::sdk
