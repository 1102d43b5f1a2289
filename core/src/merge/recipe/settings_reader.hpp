// SettingsReader: `parameters:` of a recipe, held to what its method takes.
//
// Lifetime  Keeps references to the method and the notes.
#pragma once

#include "recipe.hpp"

namespace garage {

class SettingsReader {
 public:
  SettingsReader(const MergeMethod& method, std::vector<std::string>& notes) : method_(method), notes_(notes) {}

  // is_of_one_model: what holds for all models together has no effect there, which is noted.
  // Throws kInvalidArgument: a name that the method has not, a value that is none.
  Settings operator()(const YamlReader& value, bool is_of_one_model) const;

 private:
  void require_known(const std::string& name, const YamlReader& value, bool is_of_one_model) const;

  const MergeMethod& method_;
  std::vector<std::string>& notes_;
};

}  // namespace garage
