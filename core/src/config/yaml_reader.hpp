// YamlReader: one node of a config file, read with the words of an error ready.
//
// What is read of a file is in proportion to its size: an alias stands for its anchor without a copy, but who reads it
// again and again would make one each time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include <yaml-cpp/yaml.h>

namespace garage {

class YamlReader {
 public:
  // name: the keys that lead here, "plugins.paths"; empty for the document.
  // budget: how many bytes may still be read; shared by the readers of one file.
  YamlReader(YAML::Node node, std::string file, std::string name, std::shared_ptr<std::uint64_t> budget)
      : node_(std::move(node)),
        mark_(node_.IsDefined() ? node_.Mark() : YAML::Mark::null_mark()),
        file_(std::move(file)),
        name_(std::move(name)),
        budget_(std::move(budget)) {}

  // Calls for each key of a mapping the reader that handles it, with the value. An empty node has no keys.
  // Throws kInvalidArgument for a key that is unknown or stands twice, and for what is no mapping.
  using Handlers = std::map<std::string, std::function<void(const YamlReader&)>>;
  void keys(const Handlers& handlers) const;

  void each_pair(const std::function<void(const std::string& key, const YamlReader&)>& handle) const;
  void each(const std::function<void(const YamlReader&)>& handle) const;  // of a list

  std::string text() const;
  std::string one_of(std::initializer_list<const char*> words) const;
  std::int64_t whole_number(std::int64_t lowest, std::int64_t highest) const;
  double number() const;  // finite
  bool flag() const;      // true or false
  bool is_mapping() const { return node_.IsMap(); }
  bool is_list() const { return node_.IsSequence(); }
  bool is_empty() const { return !node_.IsDefined() || node_.IsNull(); }

  // "garage.yaml:3:9: 'plugins.paths'": for faults that show only when the file has been read.
  std::string where() const;
  // Throws kInvalidArgument: "garage.yaml:3:9: plugins.paths should be a list".
  [[noreturn]] void refuse(const std::string& fault) const;

 private:
  YamlReader child(const YAML::Node& node, const std::string& key) const;
  // Throws kInvalidArgument when more is read than the file may stand for.
  void spend(std::uint64_t bytes) const;

  YAML::Node node_;
  YAML::Mark mark_;  // of its key, when it is empty
  std::string file_, name_;
  std::shared_ptr<std::uint64_t> budget_;
};

// Throws kInvalidArgument when the text is no YAML, or not UTF-8, or more than one document.
YamlReader read_yaml(std::string_view text, const std::string& file);

}  // namespace garage
