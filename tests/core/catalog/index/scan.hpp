// What the index must answer: what a scan of all files gives, part by part.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <garage/find.hpp>
#include <garage/registry.hpp>

namespace garage::test {

// model and part, and the level where one is asked for.
using Found = std::map<std::pair<std::string, std::string>, std::optional<SwapLevel>>;

std::map<std::string, ModelSpec> all_specs(const std::filesystem::path& catalog);  // by id; what is none is passed over
Found scan(const std::map<std::string, ModelSpec>& specs, const PartQuery& query);

Found asked(const ModelRegistry& registry, const PartQuery& query);  // the index

// Specs of the reference models, and others like them.
class SpecMaker {
 public:
  explicit SpecMaker(unsigned seed);

  int upto(int most) { return std::uniform_int_distribution<int>(0, most)(random_); }
  ModelSpec make(const std::string& id);

 private:
  std::mt19937 random_;
  std::vector<ModelSpec> specs_;
};

// One of every kind; those for what is swappable ask for a part that the maker chooses.
std::vector<PartQuery> queries(SpecMaker& maker, const std::map<std::string, ModelSpec>& specs);

}  // namespace garage::test
