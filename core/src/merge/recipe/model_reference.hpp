// ModelReference: a model as a recipe names it.
//
// As text: place, place@revision, place+adapter, place@revision+adapter@revision. What has '@' or '+' in its own name
// is written as a mapping: {model: {path: PLACE, revision: NAME}, lora: {path: PLACE}, override_architecture: CLASS}.
#pragma once

#include <compare>
#include <optional>
#include <string>

#include "../../config/yaml_reader.hpp"

namespace garage {

struct ModelPlace {
  std::string place;                    // as written: a path, or an id on the hub or in the catalog
  std::optional<std::string> revision;  // of a repository on the hub

  auto operator<=>(const ModelPlace&) const = default;
};

struct ModelReference {
  ModelPlace model;
  std::optional<ModelPlace> lora;                    // an adapter that is laid over it
  std::optional<std::string> override_architecture;  // in the place of its config's first one

  auto operator<=>(const ModelReference&) const = default;
};

std::string to_string(const ModelPlace& place);
std::string to_string(const ModelReference& reference);  // as text, for messages

// Throws kInvalidArgument with line and column.
ModelReference read_model_reference(const YamlReader& value);
// text: the value, or a piece of it.
ModelReference read_model_reference(const std::string& text, const YamlReader& value);

}  // namespace garage
