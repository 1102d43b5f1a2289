#include "tokenizer_reader.hpp"

#include <fmt/format.h>

#include "flag_word.hpp"

namespace garage {
namespace {

constexpr std::int64_t kMostTokens = 100'000'000;
constexpr std::string_view kModelPrefix = "model:";  // of mergekit's first edition of the key

bool read_flag(const YamlReader& value) {
  const auto word = value.text();
  const auto flag = flag_from(word);
  if (!flag) value.refuse(fmt::format("is '{}', should be true or false", word));
  return *flag;
}

TokenizerSource read_source(const YamlReader& value, bool has_base) {
  if (value.is_mapping()) return read_model_reference(value);
  const auto text = value.text();
  if (text == "union") return UnionOfTokenizers{};
  if (text.starts_with(kModelPrefix)) return read_model_reference(text.substr(kModelPrefix.size()), value);
  if (text != "base") return read_model_reference(text, value);
  if (!has_base) value.refuse("is 'base', and the recipe names no base_model");
  return BaseTokenizer{};
}

ModelTokenEmbedding read_model_token(const YamlReader& value) {
  ModelTokenEmbedding embedding;
  int tokens = 0;
  value.keys({{"kind", [](const YamlReader&) {}},
              {"model", [&](const YamlReader& v) { embedding.model = read_model_reference(v); }},
              {"token_id",
               [&](const YamlReader& v) {
                 if (v.is_empty()) return;
                 embedding.token = v.whole_number(0, kMostTokens);
                 ++tokens;
               }},
              {"token", [&](const YamlReader& v) {
                 if (v.is_empty()) return;
                 embedding.token = v.text();
                 ++tokens;
               }}});
  if (embedding.model.model.place.empty()) value.refuse("has no model");
  if (tokens != 1) value.refuse(fmt::format("has {} of token and token_id, should have one", tokens));
  return embedding;
}

decltype(RecipeToken::embedding) read_embedding(const YamlReader& value) {
  if (value.is_empty()) return DefaultEmbedding{};
  if (!value.is_mapping()) return read_model_reference(value);
  std::optional<std::string> kind;
  value.each_pair([&](const std::string& key, const YamlReader& v) {
    if (key == "kind") kind = v.one_of({"zero", "model_token"});
  });
  if (!kind) return read_model_reference(value);
  if (kind == "model_token") return read_model_token(value);
  value.keys({{"kind", [](const YamlReader&) {}}});
  return ZeroEmbedding{};
}

RecipeToken read_token(const std::string& text, const YamlReader& value) {
  RecipeToken token{text, DefaultEmbedding{}, false, value.where()};
  if (text.empty()) value.refuse("should be the text of a token");
  value.keys({{"source", [&](const YamlReader& v) { token.embedding = read_embedding(v); }},
              {"force", [&](const YamlReader& v) { token.is_forced = read_flag(v); }}});
  return token;
}

}  // namespace

RecipeTokenizer read_tokenizer(const YamlReader& value, bool has_base) {
  RecipeTokenizer tokenizer;
  tokenizer.where = value.where();
  value.keys({{"source", [&](const YamlReader& v) { tokenizer.source = read_source(v, has_base); }},
              {"tokens",
               [&](const YamlReader& v) {
                 v.each_pair([&](const std::string& text, const YamlReader& token) {
                   tokenizer.tokens.push_back(read_token(text, token));
                 });
               }},
              {"pad_to_multiple_of", [&](const YamlReader& v) {
                 if (!v.is_empty()) tokenizer.pad_to_multiple_of = v.whole_number(1, kMostTokens);
               }}});
  return tokenizer;
}

RecipeTokenizer read_tokenizer_source(const YamlReader& value, bool has_base) {
  return {read_source(value, has_base), {}, std::nullopt, value.where()};
}

}  // namespace garage
