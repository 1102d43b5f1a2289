// YamlReader: one node of a config file, read with the words of an error ready.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include <yaml-cpp/yaml.h>

namespace garage {

class YamlReader {
 public:
  // name: the keys that lead here, "plugins.paths"; empty for the document.
  YamlReader(YAML::Node node, std::string file, std::string name)
      : node_(std::move(node)), file_(std::move(file)), name_(std::move(name)) {}

  // Calls for each key of a mapping the reader that handles it, with the value. An empty node has no keys.
  // Throws kInvalidArgument for a key that is unknown or stands twice, and for what is no mapping.
  using Handlers = std::map<std::string, std::function<void(const YamlReader&)>>;
  void keys(const Handlers& handlers) const;

  void each_pair(const std::function<void(const std::string& key, const YamlReader&)>& handle) const;
  void each(const std::function<void(const YamlReader&)>& handle) const;  // of a list

  std::string text() const;
  std::string one_of(std::initializer_list<const char*> words) const;
  std::int64_t whole_number(std::int64_t lowest, std::int64_t highest) const;
  bool flag() const;  // true or false

  // Throws kInvalidArgument: "garage.yaml:3:9: plugins.paths should be a list".
  [[noreturn]] void refuse(const std::string& fault) const;

 private:
  YamlReader child(const YAML::Node& node, const std::string& key) const;
  bool is_empty() const { return !node_.IsDefined() || node_.IsNull(); }

  YAML::Node node_;
  std::string file_, name_;
};

// Throws kInvalidArgument when the text is no YAML, or not UTF-8.
YamlReader read_yaml(std::string_view text, const std::string& file);

}  // namespace garage
