// A merge recipe: what is read has what planning takes for granted, and its parameters are numbers.
#include "merge/recipe/recipe.hpp"

#include <cmath>

#include "merge/methods/merge_method.hpp"

#include "fuzzer.hpp"

namespace {

using garage::fuzz::require;

void require_slice(const garage::RecipeSlice& slice) {
  require(!slice.sources.empty(), "a slice has sources");
  require(!slice.base || *slice.base < slice.sources.size(), "the base is one of them");
  const auto& first = slice.sources.front().layers;
  for (const auto& source : slice.sources) {
    require(!source.model.model.place.empty(), "a source names a model");
    require(source.layers.has_value() == first.has_value(), "whole models stand with whole models");
    require(!first || (source.layers->layers() == first->layers() && first->layers() > 0), "layers stand side by side");
  }
}

void require_numbers(const garage::Recipe& recipe, std::string_view name, std::optional<std::size_t> source,
                     std::size_t slice) {
  for (const double t : {0.0, 0.3, 1.0}) {
    const auto value = garage::parameter_at(recipe, name, source, {slice, t}, "model.layers.0.mlp.up_proj.weight");
    require(!value || std::isfinite(*value), "a parameter is a number");
    require(!value || garage::is_set(recipe, name, source, slice), "what has a value is set");
  }
}

}  // namespace

void garage_fuzz(std::string_view input) {
  const auto recipe = garage::parse_recipe(input, "merge.yaml");
  require(recipe.method && !recipe.slices.empty(), "a recipe has a method and slices");
  for (std::size_t slice = 0; slice < recipe.slices.size(); ++slice) {
    require_slice(recipe.slices[slice]);
    for (const auto& parameter : recipe.method->parameters()) {
      if (!parameter.is_per_model) require_numbers(recipe, parameter.name, std::nullopt, slice);
      for (std::size_t i = 0; parameter.is_per_model && i < recipe.slices[slice].sources.size(); ++i)
        require_numbers(recipe, parameter.name, i, slice);
    }
  }
}
