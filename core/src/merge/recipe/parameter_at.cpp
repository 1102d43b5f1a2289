#include "recipe.hpp"

#include <array>

namespace garage {
namespace {

constexpr std::size_t kLevels = 4;

// In the order in which they are asked.
std::array<const Setting*, kLevels> levels(const Recipe& recipe, std::string_view name,
                                           std::optional<std::size_t> source, std::size_t slice) {
  const auto in = [&](const Settings& settings) {
    const auto found = settings.find(name);
    return found == settings.end() ? nullptr : &found->second;
  };
  const auto& of = recipe.slices.at(slice);
  return {source ? in(of.sources.at(*source).parameters) : nullptr, in(of.parameters), in(recipe.module_parameters),
          in(recipe.parameters)};
}

}  // namespace

RecipePosition layer_position(std::size_t slice, std::int64_t layer, std::int64_t layers) {
  // A slice of one layer stands at its end.
  return {slice, layers > 1 ? static_cast<double>(layer) / static_cast<double>(layers - 1) : 1};
}

RecipePosition position_before_layers(const Recipe&) { return {0, 0}; }

RecipePosition position_behind_layers(const Recipe& recipe) { return {recipe.slices.size() - 1, 0}; }

std::optional<double> parameter_at(const Recipe& recipe, std::string_view name, std::optional<std::size_t> source,
                                   const RecipePosition& position, std::string_view tensor) {
  for (const auto* setting : levels(recipe, name, source, position.slice))
    if (const auto value = setting ? value_at(*setting, tensor, position.t) : std::nullopt) return value;
  return std::nullopt;
}

bool is_set(const Recipe& recipe, std::string_view name, std::optional<std::size_t> source, std::size_t slice) {
  for (const auto* setting : levels(recipe, name, source, slice))
    if (setting) return true;
  return false;
}

}  // namespace garage
