// The kinds of entries that name many models: a function and a file for each.
//
// `only`: that id alone is wanted, and the files of others are left alone. Each throws what keeps it from being read as
// a whole.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <garage/batch.hpp>

namespace garage {

struct FoundModel {
  BatchModel model;   // whose id may be none yet: any bytes
  std::string entry;  // what names it, for messages: "the glob /models/*", "/store/models.txt:3"
};

struct Found {
  std::vector<FoundModel> models;
  std::vector<BatchModel> refused;  // that have a label in the place of an id, and a problem
  std::vector<std::string> oddities;
};

Found models_in_glob(const ModelEntry& entry, std::optional<std::string_view> only = {});
Found models_in_list(const ModelEntry& entry, std::optional<std::string_view> only = {});
Found models_in_hub_cache(const ModelEntry& entry, std::optional<std::string_view> only = {});

}  // namespace garage
