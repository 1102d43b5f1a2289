// SlicesReader: `models:` and `slices:` of a recipe.
//
// Lifetime  Keeps references to all that it is made of.
#pragma once

#include "settings_reader.hpp"

namespace garage {

struct NamedBase {
  ModelReference model;
  std::string where;  // for errors
};

class SlicesReader {
 public:
  // base: the recipe's own; a slice may name another.
  SlicesReader(const MergeMethod& method, const std::optional<NamedBase>& base, std::vector<std::string>& notes)
      : method_(method), base_(base), notes_(notes), settings_(method, notes) {}

  // Both throw kInvalidArgument: no source, sources of different length, too many or too few for the method, no base
  // where one is needed.
  RecipeSlice whole_models(const YamlReader& models) const;
  std::vector<RecipeSlice> slices(const YamlReader& slices) const;

 private:
  RecipeSlice slice(const YamlReader& value) const;
  RecipeSource source(const YamlReader& value, bool is_whole) const;
  void settle_base(RecipeSlice& slice, const std::optional<NamedBase>& base, bool is_whole) const;
  void hold_to_method(const RecipeSlice& slice) const;
  void note_repeats(const RecipeSlice& slice) const;

  const MergeMethod& method_;
  const std::optional<NamedBase>& base_;
  std::vector<std::string>& notes_;
  SettingsReader settings_;
};

}  // namespace garage
