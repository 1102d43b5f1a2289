#include "result_tokens.hpp"

#include <algorithm>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "own_tokens.hpp"

namespace garage {
namespace {

std::string kind_of(const Vocabulary& vocabulary) {
  return fmt::format("{}{}{}", vocabulary.model_type, vocabulary.spelling.empty() ? "" : ", ", vocabulary.spelling);
}

// Tokens of two kinds that look the same stand for different texts: "the" begins a word in one, and goes on with one in
// the other. What a file does not say is no reason.
void require_one_kind(const Vocabulary& base, const Vocabulary& other) {
  const auto differ = [](const std::string& a, const std::string& b) { return !a.empty() && !b.empty() && a != b; };
  if (!differ(base.model_type, other.model_type) && !differ(base.spelling, other.spelling)) return;
  throw Error(Errc::kUnsupported,
              fmt::format("{}: is a tokenizer of another kind ({}) than {} ({}): they have no union",
                          other.file.string(), kind_of(other), base.file.string(), kind_of(base)));
}

}  // namespace

ResultTokens::ResultTokens(const Vocabulary& donor, VocabularyPlan& plan) : donor_(donor), plan_(plan) {
  plan.tokens = donor.tokens;
  plan.donor = donor.file.parent_path();
  ids_.reserve(donor.tokens.size());
  for (const auto& token : donor.tokens) ids_.emplace(token.text, token.id);
  for (const auto& token : donor.added) added_.insert(token.text);
}

std::int64_t ResultTokens::find(std::string_view text) const {
  const auto found = ids_.find(text);
  return found == ids_.end() ? -1 : found->second;
}

void ResultTokens::add(const AddedToken& token) {
  if (!added_.insert(token.text).second) return;
  if (find(token.text) < 0) {
    require_next_id(token.text);
    const auto id = checked_id(static_cast<std::int64_t>(plan_.tokens.size()), token.text, "the merged vocabulary");
    ids_.emplace(new_.emplace_back(token.text), id);
    plan_.tokens.push_back({id, token.text});
  }
  plan_.added.push_back(token);
}

// tokenizers counts tokens to give the next one its id, and would give one that is taken.
void ResultTokens::require_next_id(std::string_view text) const {
  if (!donor_.has_gaps()) return;
  throw Error(Errc::kUnsupported,
              fmt::format("{}: token {} cannot be added: its {} tokens have ids up to {}, and ids without a token lie "
                          "between",
                          donor_.file.string(), in_quotes(text), donor_.tokens.size(), donor_.end() - 1));
}

void ResultTokens::unite(const ModelVocabularies& models) {
  std::unordered_set<std::string_view> added;
  for (std::size_t place = 0; place < models.size(); ++place) {
    require_one_kind(donor_, models.of(place));
    for (const auto& token : models.of(place).added) added.insert(token.text);
  }
  for (std::size_t place = 0; place < models.size(); ++place)
    for (const auto& token : models.of(place).tokens)
      if (find(token.text) < 0 && !added.contains(token.text)) add({token.text});
  for (std::size_t place = 0; place < models.size(); ++place)
    for (const auto& token : models.of(place).added) add(token);
}

void ResultTokens::sort_added() {
  std::ranges::sort(plan_.added, {}, [&](const auto& token) { return find(token.text); });
}

}  // namespace garage
