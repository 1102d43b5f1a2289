// ConfigReader: a model's config.json, key by key, with every value checked before it is believed.
//
// A key that is absent, or null, means its default: transformers leaves out what equals its class's default.
// Throws kCorrupt, naming the key, its value and what it should be.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include <garage/model.hpp>

namespace garage::sdk {

class ConfigReader {
 public:
  // The object must outlive the reader. path opens every message: "config.json", "config.json: rope_scaling".
  explicit ConfigReader(const boost::json::object& object, std::string path = "config.json")
      : object_(&object), path_(std::move(path)) {}

  // The model's config. Throws kNotFound when it has none: what a config says, weights do not.
  static ConfigReader of(const Model& model);

  bool has(std::string_view key) const;      // present and not null
  bool is_null(std::string_view key) const;  // present and null
  bool is_text(std::string_view key) const;  // present and a string: "auto", where a number may stand too

  // A count or a size: a whole number from 1 to 2^31 - 1.
  std::int64_t dimension(std::string_view key) const;  // required
  std::int64_t dimension(std::string_view key, std::int64_t otherwise) const;
  std::optional<std::int64_t> maybe_dimension(std::string_view key) const;
  // Of a key with several names, own name first. Throws also when two of them disagree: the order in which a file has
  // them would decide in transformers.
  std::int64_t dimension_of(std::initializer_list<std::string_view> names, std::int64_t otherwise) const;

  // A finite number; positive says that 0 and less are refused.
  double positive(std::string_view key) const;  // required
  double positive(std::string_view key, double otherwise) const;
  std::optional<double> maybe_number(std::string_view key) const;
  std::vector<double> numbers(std::string_view key) const;        // required
  std::vector<std::string> texts(std::string_view key) const;     // required
  std::vector<std::int64_t> indices(std::string_view key) const;  // whole numbers from 0; empty when absent

  // A count that may be 0.
  std::int64_t count(std::string_view key, std::int64_t otherwise) const;

  bool flag(std::string_view key) const;  // required
  bool flag(std::string_view key, bool otherwise) const;
  std::string text(std::string_view key) const;  // required
  std::string text(std::string_view key, std::string_view otherwise) const;
  std::optional<ConfigReader> maybe_object(std::string_view key) const;
  ConfigReader section(std::string_view key) const;  // an empty one when absent: all its keys are their defaults

  // The first of several spellings that is present, or the first of all: for keys that a config class renames.
  std::string_view spelling(std::initializer_list<std::string_view> keys) const;

  // Throws: "config.json: 'hidden_size' is -5, should be ...".
  [[noreturn]] void refuse(std::string_view key, std::string_view wanted) const;

  // Throws kUnsupported: "config.json: 'is_causal' is false: <what that asks for> is not handled".
  [[noreturn]] void unsupported(std::string_view key, std::string_view what) const;

  const std::string& path() const noexcept { return path_; }
  const boost::json::object& members() const noexcept { return *object_; }

 private:
  const boost::json::value* find(std::string_view key) const;  // null when absent or null

  const boost::json::object* object_;
  std::string path_;
};

}  // namespace garage::sdk
