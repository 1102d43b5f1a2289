// What a checkpoint's config and tensor names tell of a new family: the words that `plugin new` puts into its templates.
#pragma once

#include <map>
#include <string>

#include <garage/model.hpp>

namespace garage::cli {

struct PluginFacts {
  bool is_llama_like = true;                 // which template fits
  std::map<std::string, std::string> words;  // "HIDDEN": "4096"
};

// Of a model to start from.
PluginFacts facts_of(const Model& model, const std::string& path);

// A tiny model of that family with Llama's names, for who has none yet.
Model sample_model(const std::string& family);

}  // namespace garage::cli
