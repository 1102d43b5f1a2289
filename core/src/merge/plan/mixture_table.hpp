// MixtureTable: how the tensors and the config of a dense model become those of a mixture, as JSON beside the plugin of
// the mixture's family: <plugin folder>/mixture/<layout>.json. Core knows no family. The format is told in
// sdk/README.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "../recipe/recipe.hpp"

namespace garage {

struct MixtureTable {
  std::filesystem::path path;
  std::map<std::string, boost::json::object, std::less<>> of;  // of each model_type, what its config need not say
  boost::json::object config;                                  // what the mixture's says
  std::vector<std::string> without;                            // keys that it has not
  std::string router;                                          // the tensor's name below the layer's
  std::map<std::string, std::string> expert;                   // a feed-forward's, below the layer's, to an expert's

  // The config of a mixture made of the model whose config it is. Throws kInvalidArgument when it is of none of the
  // types that the table has, kCorrupt (the table asks for a key that is not there).
  boost::json::object config_of(const boost::json::object& base, const std::string& name,
                                const RecipeMixture& mixture) const;
};

// From the first folder that has it. Throws kInvalidArgument (no folder has it: which there are), kCorrupt (a table
// that is none), kIo.
MixtureTable find_mixture_table(const std::vector<std::filesystem::path>& folders, const RecipeMixture& mixture);

}  // namespace garage
