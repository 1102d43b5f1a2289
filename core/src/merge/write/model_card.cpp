#include "model_card.hpp"

#include <fmt/format.h>

namespace garage {
namespace {

// A model's name as YAML's text, whatever is in it.
std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("''") : std::string(1, c);
  return result + "'";
}

}  // namespace

std::string model_card(const MergePlan& plan) {
  std::string models, list;
  for (std::size_t i = 0; i < plan.sources.size(); ++i) {
    models += fmt::format("  - {}\n", quoted(plan.sources[i].name));
    list += fmt::format("- `{}`\n", plan.sources[i].name);
  }
  const auto& base = plan.sources[plan.base].name;
  return fmt::format(
      "---\nlibrary_name: transformers\nbase_model:\n{}tags:\n  - merge\n---\n\n"
      "# {}\n\nMade of these models by the method `{}`; the layout and the config are those of `{}`{}:\n\n{}\n"
      "The recipe is `recipe.yaml`:\n\n```yaml\n{}{}```\n",
      models, plan.recipe.name.empty() ? "A merged model" : plan.recipe.name, plan.recipe.method->name(), base,
      plan.recipe.mixture ? fmt::format(", made a mixture: `{}`", plan.recipe.mixture->layout) : "", list,
      plan.recipe.text, plan.recipe.text.ends_with('\n') ? "" : "\n");
}

}  // namespace garage
