// The model that a merge makes, before it is there: its config, and the names and shapes of its tensors. It is taken
// apart by the base's plugin like any other (a mixture made of dense models by the plugin that claims it), so that
// whatever is planned fits its family.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <garage/model.hpp>
#include <garage/plugin_host.hpp>
#include <garage/spec.hpp>

#include "../recipe/recipe.hpp"
#include "layer_origin.hpp"
#include "layer_slabs.hpp"
#include "merge_source.hpp"

namespace garage {

struct Result {
  Model model;
  ModelSpec spec;
  std::map<std::string, std::string> patterns;  // of each tensor, the base's after which it is called
  std::map<std::string, std::size_t> slabs;     // layer_slabs.hpp
  std::set<std::string> vocabulary;             // the base's tensors that have a row a token, where it is another's
  std::vector<std::string> notes;               // what of the base is left out
};

// How it differs from the base beside its layers.
struct ResultChanges {
  std::optional<std::int64_t> vocabulary;  // rows, where they are others
  std::optional<bool> tie;                 // whether the head is the embedding; nothing: as in the base
  const RecipeMixture* mixture = nullptr;  // null: it is none, or the base is one
};

// config: of the result, but for these changes. Throws kUnsupported, what make_mixture and find_mixture_table throw,
// and what the plugin throws when the result is no model of its family.
Result make_result(const PluginHost& plugins, const MergeSource& base, const std::vector<LayerOrigin>& layers,
                   boost::json::object config, const ResultChanges& changes);

// The tensors of a model that have a row a token, and how many rows; nothing where it has no embedding of tokens.
struct VocabularyTensors {
  std::set<std::string> names;
  std::int64_t rows = 0;
};
VocabularyTensors vocabulary_tensors(const ModelSpec& spec);

}  // namespace garage
