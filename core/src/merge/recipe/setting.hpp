// Setting: what a recipe says of one parameter, which may differ by tensor and by layer.
//
//   weight: 0.5                                 everywhere
//   weight: [0, 0.5, 1]                         a gradient: these at even distances over a slice's layers, lines
//   between weight: [{filter: mlp, value: [0, 1]},      the first whose filter is in the tensor's name; one without a
//   filter, or
//            {value: 0.5}]                      with "*", holds for all that are left
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "../../config/yaml_reader.hpp"

namespace garage {

struct ConditionalValue {
  std::optional<std::string> filter;  // text in the tensor's whole name; nothing: of every tensor
  std::vector<double> gradient;       // at least one; a flag is 0 or 1
};

struct Setting {
  std::vector<ConditionalValue> conditions;  // at least one; the first that holds
};

// t: the layer's place in its slice, from 0 to 1. Nothing when no condition holds.
std::optional<double> value_at(const Setting& setting, std::string_view tensor, double t);

// Throws kInvalidArgument with line and column: no number, an empty list, numbers and conditions in one list.
Setting read_setting(const YamlReader& value);

}  // namespace garage
