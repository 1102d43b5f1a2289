// GgufTable: what the metadata and the names in one architecture's GGUF files stand for, as JSON beside the plugin of
// its family: <plugin folder>/gguf/<architecture>.json, or <architecture>.<word>.json where several families share one.
// Core knows no architecture. The format is told in sdk/README.md.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "gguf_model.hpp"

namespace garage {

struct GgufTable {
  std::filesystem::path path;
  std::string text;          // of the file
  boost::json::object root;  // the same
  std::string architecture;

  // Throws kCorrupt, opening with the table's path: what is wrong there.
  [[noreturn]] void fail(const std::string& fault) const;
  const boost::json::object* object(std::string_view key) const;  // null where it has none
  std::vector<std::string> texts(std::string_view key) const;     // empty where it has none
};

// The table for a file, from the first folder that has one. Throws kUnsupported (no folder has one: which there are),
// kAmbiguous (a folder has two that fit), kCorrupt (a table that is none), kIo.
GgufTable find_gguf_table(const std::vector<std::filesystem::path>& folders, const GgufModel& model);

}  // namespace garage
