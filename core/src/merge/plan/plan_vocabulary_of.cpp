#include "plan_vocabulary_of.hpp"

#include <filesystem>
#include <variant>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "../tokens/vocabulary.hpp"
#include "result.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;

void require_same_vocabularies(const MergeSources& sources, std::size_t base) {
  const auto own = read_vocabulary(folder_of(sources[base]));
  const auto tokens = [&](std::size_t index, const std::optional<Vocabulary>& vocabulary) {
    return ModelTokens{sources[index].name, vocabulary ? &*vocabulary : nullptr,
                       vocabulary_tensors(sources[index].spec).rows};
  };
  for (std::size_t i = 0; i < sources.size(); ++i) {
    if (i == base) continue;
    const auto other = read_vocabulary(folder_of(sources[i]));
    if (const auto difference = vocabulary_difference(tokens(base, own), tokens(i, other)))
      throw Error(
          Errc::kInvalidArgument,
          fmt::format("{} and {}: their vocabularies differ: {}; say 'tokenizer: {{source: union}}' (or base, or a "
                      "model) in the recipe",
                      sources[base].name, sources[i].name, *difference));
  }
}

class VocabularyOfRecipe {
 public:
  VocabularyOfRecipe(const RecipeTokenizer& tokenizer, MergeSources& sources)
      : tokenizer_(tokenizer), sources_(sources) {}

  VocabularyRecipe read() {
    VocabularyRecipe recipe;
    if (std::holds_alternative<BaseTokenizer>(tokenizer_.source)) recipe.source = VocabularySource::base;
    if (const auto* model = std::get_if<ModelReference>(&tokenizer_.source)) {
      recipe.source = VocabularySource::model;
      recipe.model = sources_.open(*model);
    }
    for (const auto& token : tokenizer_.tokens) recipe.tokens.push_back(rule_of(token));
    recipe.pad_to_multiple_of = tokenizer_.pad_to_multiple_of.value_or(1);
    return recipe;
  }

 private:
  TokenRule rule_of(const RecipeToken& token) {
    TokenRule rule{token.token, {}, token.is_forced};
    if (std::holds_alternative<ZeroEmbedding>(token.embedding)) rule.source = ZeroRow{};
    if (const auto* other = std::get_if<ModelTokenEmbedding>(&token.embedding))
      rule.source = OtherToken{sources_.open(other->model), other->token};
    if (const auto* model = std::get_if<ModelReference>(&token.embedding))
      rule.source = SameToken{sources_.open(*model)};
    return rule;
  }

  const RecipeTokenizer& tokenizer_;
  MergeSources& sources_;
};

}  // namespace

std::optional<VocabularyPlan> plan_vocabulary_of(const Recipe& recipe, MergeSources& sources, std::size_t base) {
  if (!recipe.tokenizer) {
    require_same_vocabularies(sources, base);
    return std::nullopt;
  }
  if (sources[base].is_raw)
    throw Error(Errc::kUnsupported,
                fmt::format("{}: no plugin knows {}, so that nobody can say which of its tensors have a "
                            "row a token",
                            recipe.tokenizer->where, sources[base].name));
  const auto asked = VocabularyOfRecipe(*recipe.tokenizer, sources).read();
  std::vector<VocabularyModel> models;
  for (std::size_t i = 0; i < sources.size(); ++i)
    models.push_back({sources[i].name, folder_of(sources[i]), vocabulary_tensors(sources[i].spec).rows});
  return plan_vocabulary(models, recipe.base_model ? std::optional(base) : std::nullopt, asked);
}

}  // namespace garage
