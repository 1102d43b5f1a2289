#include <algorithm>
#include <span>

#include <fmt/format.h>

#include "own_tokens.hpp"

namespace garage {
namespace {

// Those that have a row: what a tokenizer names beyond them no model knows.
std::span<const Token> with_rows(const ModelTokens& model) {
  const auto& tokens = model.vocabulary->tokens;
  const auto end =
      std::partition_point(tokens.begin(), tokens.end(), [&](const auto& token) { return token.id < model.rows; });
  return {tokens.begin(), end};
}

std::string token_at(std::span<const Token> tokens, std::size_t place, std::int64_t id) {
  return place < tokens.size() && tokens[place].id == id ? in_quotes(tokens[place].text) : "no token";
}

}  // namespace

std::optional<std::string> vocabulary_difference(const ModelTokens& first, const ModelTokens& second) {
  const auto rows = fmt::format("the embedding of {} has {} rows, that of {} has {}", first.name, first.rows,
                                second.name, second.rows);
  if (first.vocabulary && second.vocabulary) {
    const auto a = with_rows(first), b = with_rows(second);
    const auto [in_a, in_b] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
    const auto place = static_cast<std::size_t>(in_a - a.begin());
    if (in_a != a.end() || in_b != b.end()) {
      const auto id = std::min(in_a == a.end() ? kMostTokens : in_a->id, in_b == b.end() ? kMostTokens : in_b->id);
      return fmt::format("{} has {} tokens, {} has {}, and the first that differs is that of id {}: {} and {}",
                         first.name, a.size(), second.name, b.size(), id, token_at(a, place, id),
                         token_at(b, place, id));
    }
  }
  if (first.rows != second.rows) return rows;
  return std::nullopt;
}

}  // namespace garage
