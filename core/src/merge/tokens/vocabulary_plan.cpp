#include "vocabulary_plan.hpp"

#include <algorithm>
#include <unordered_set>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "model_vocabularies.hpp"
#include "own_tokens.hpp"
#include "result_tokens.hpp"

namespace garage {
namespace {

constexpr std::int64_t kMostPadding = 1 << 16;  // rows

[[noreturn]] void refuse(const std::string& message) { throw Error(Errc::kInvalidArgument, message); }

std::vector<std::int64_t> rows_of(const ModelVocabularies& models, std::size_t model, const VocabularyPlan& plan) {
  std::vector<std::int64_t> rows(static_cast<std::size_t>(plan.size), -1);
  for (const auto& token : plan.tokens) rows[static_cast<std::size_t>(token.id)] = models.find(model, token.text);
  return rows;
}

class Rules {
 public:
  explicit Rules(const ModelVocabularies& models) : models_(models) {}

  VocabularyPlan::Rule rule(const TokenRule& said, std::int64_t id) const {
    const auto row = std::visit([&](const auto& source) { return row_of(source, said.token); }, said.source);
    return {id, row, said.force};
  }

 private:
  using Row = std::optional<std::pair<std::size_t, std::int64_t>>;

  Row row_of(std::monostate, const std::string&) const { return std::nullopt; }
  Row row_of(ZeroRow, const std::string&) const { return std::nullopt; }
  Row row_of(const SameToken& source, const std::string& token) const { return named(source.model, token, token); }
  Row row_of(const OtherToken& source, const std::string& token) const {
    if (const auto* text = std::get_if<std::string>(&source.token)) return named(source.model, *text, token);
    const auto id = std::get<std::int64_t>(source.token);
    const auto rows = model(source.model, token).rows;
    if (id < 0 || id >= rows)
      refuse(fmt::format("tokens: {} should have the row of token {} of {}, whose embedding has {} rows",
                         in_quotes(token), id, models_.model(source.model).name, rows));
    return {{source.model, id}};
  }

  Row named(std::size_t place, const std::string& text, const std::string& token) const {
    const auto& source = model(place, token);
    const auto row = models_.find(place, text);
    if (row < 0)
      refuse(fmt::format("tokens: {} should have the row of {} of {}, which has no such token", in_quotes(token),
                         in_quotes(text), source.name));
    return {{place, row}};
  }

  const VocabularyModel& model(std::size_t place, const std::string& token) const {
    if (place < models_.size()) return models_.model(place);
    refuse(fmt::format("tokens: {}: there is no model {} among {}", in_quotes(token), place, models_.size()));
  }

  const ModelVocabularies& models_;
};

std::int64_t padded(std::int64_t size, std::int64_t multiple) {
  if (multiple < 1 || multiple > kMostPadding)
    refuse(fmt::format("pad_to_multiple_of: should be from 1 to {}, is {}", kMostPadding, multiple));
  return (size + multiple - 1) / multiple * multiple;
}

void note_nowhere(VocabularyPlan& plan) {
  std::unordered_set<std::int64_t> ruled;
  for (const auto& rule : plan.rules) ruled.insert(rule.id);
  for (const auto& token : plan.tokens) {
    const auto is_in = [&](const auto& rows) { return rows[static_cast<std::size_t>(token.id)] >= 0; };
    if (!ruled.contains(token.id) && std::none_of(plan.rows.begin(), plan.rows.end(), is_in))
      plan.notes.push_back(fmt::format("token {} is in no model: its row is zeros", in_quotes(token.text)));
  }
}

void require_sound(const VocabularyRecipe& recipe) {
  std::unordered_set<std::string_view> seen;
  for (const auto& rule : recipe.tokens) {
    if (rule.token.empty()) refuse("tokens: a token has no text");
    if (!seen.insert(rule.token).second) refuse(fmt::format("tokens: {} stands twice", in_quotes(rule.token)));
    if (rule.force && std::holds_alternative<std::monostate>(rule.source))
      refuse(fmt::format("tokens: {} is forced, and has no source", in_quotes(rule.token)));
  }
}

}  // namespace

VocabularyPlan plan_vocabulary(const std::vector<VocabularyModel>& models, std::optional<std::size_t> base,
                               const VocabularyRecipe& recipe) {
  if (models.empty()) refuse("no model is named whose tokens could be the result's");
  require_sound(recipe);
  VocabularyPlan plan;
  const ModelVocabularies vocabularies(models, base.value_or(0), plan.notes);
  const auto donor = recipe.source == VocabularySource::model ? recipe.model : vocabularies.base();
  if (donor >= models.size()) refuse(fmt::format("tokenizer: there is no model {} among {}", donor, models.size()));
  ResultTokens out(vocabularies.of(donor), plan);
  if (recipe.source == VocabularySource::union_of_all) out.unite(vocabularies);
  for (const auto& rule : recipe.tokens)
    if (out.find(rule.token) < 0) out.add({rule.token});
  out.sort_added();
  plan.size = padded(plan.tokens.empty() ? 0 : plan.tokens.back().id + 1, recipe.pad_to_multiple_of);
  for (std::size_t model = 0; model < models.size(); ++model) plan.rows.push_back(rows_of(vocabularies, model, plan));
  const Rules rules(vocabularies);
  for (const auto& said : recipe.tokens)
    if (!std::holds_alternative<std::monostate>(said.source))
      plan.rules.push_back(rules.rule(said, out.find(said.token)));
  std::sort(plan.rules.begin(), plan.rules.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  note_nowhere(plan);
  return plan;
}

}  // namespace garage
