#include "../../../../core/src/merge/tokens/vocabulary_plan.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <boost/json.hpp>

#include "is_error.hpp"
#include "tokenizer_folders.hpp"

using namespace garage;
using namespace garage::test;
namespace json = boost::json;
using Rows = std::vector<std::int64_t>;
using Texts = std::vector<std::string>;

namespace {

Texts texts_of(const VocabularyPlan& plan) {
  Texts texts;
  for (const auto& token : plan.tokens) texts.push_back(token.text);
  return texts;
}

// Three letters; two of them, another, and an added token; another and an added token.
struct Models {
  TokenizerFolder base{{"tokenizer.json", tokenizer_json(R"({"a": 0, "b": 1, "c": 2})")}};
  TokenizerFolder first{{"tokenizer.json", tokenizer_json(R"({"c": 0, "a": 1, "d": 2})", added({{"<x>", 3}}))}};
  TokenizerFolder second{{"tokenizer.json", tokenizer_json(R"({"e": 1, "d": 0, "<x>": 2})", added({{"<y>", 3}}))}};

  std::vector<VocabularyModel> all() const {
    return {{"base", base.path(), 3}, {"first", first.path(), 4}, {"second", second.path(), 6}};
  }
};

}  // namespace

// loaded.json, tokens: get_vocab() of what transformers 5.12.1 makes of the folders when each token that a folder has
// and the base lacks is added to the base's tokenizer, added ones last (mergekit/tokenizer/build.py).
TEST_CASE("vocabulary plan: a union is the one that transformers makes", "[merge][tokens]") {
  const auto [kind, names] = GENERATE(table<std::string, Texts>(
      {{"bpe", {"base", "a", "b"}}, {"wordpiece", {"base", "a"}}, {"unigram", {"base", "a"}}}));
  DYNAMIC_SECTION(kind) {
    std::vector<VocabularyModel> models;
    for (const auto& name : names) models.push_back({name, tokenizers(kind) / name, 50});
    const auto plan = plan_vocabulary(models, 0, {});
    const auto loaded = json::parse(read_text(tokenizers(kind) / "loaded.json"));
    CHECK(texts_of(plan) == json::value_to<Texts>(loaded.at("tokens")));
    CHECK(plan.size == static_cast<std::int64_t>(plan.tokens.size()));
    CHECK(plan.notes.empty());
    for (std::size_t model = 0; model < names.size(); ++model)
      for (const auto& [id, text] : plan.tokens) {
        const auto* row = loaded.at("models").at(names[model]).as_object().if_contains(text);
        CHECK(plan.rows[model][static_cast<std::size_t>(id)] == (row ? row->as_int64() : -1));
      }
  }
}

TEST_CASE("vocabulary plan: a union has what models know themselves before what was added to them", "[merge][tokens]") {
  const Models models;
  const auto plan = plan_vocabulary(models.all(), 0, {});
  CHECK(texts_of(plan) == Texts{"a", "b", "c", "d", "e", "<x>", "<y>"});
  CHECK(plan.rows == std::vector<Rows>{{0, 1, 2, -1, -1, -1, -1}, {1, -1, 0, 2, -1, 3, -1}, {-1, -1, -1, 0, 1, 2, 3}});
  CHECK(plan.size == 7);
  CHECK(plan.donor == models.base.path());
  CHECK(plan.added == std::vector<AddedToken>{{"d"}, {"e"}, {"<x>"}, {"<y>"}});
}

TEST_CASE("vocabulary plan: the base need not come first", "[merge][tokens]") {
  const Models models;
  CHECK(texts_of(plan_vocabulary(models.all(), 2, {})) == Texts{"d", "e", "<x>", "<y>", "a", "b", "c"});
}

TEST_CASE("vocabulary plan: a token that was added to another model is looked for in the result too",
          "[merge][tokens]") {
  const TokenizerFolder base{{"tokenizer.json", tokenizer_json(R"({"a": 0, "<x>": 1})")}};
  const TokenizerFolder other{{"tokenizer.json", tokenizer_json(R"({"a": 0})", added({{"<x>", 1}}))}};
  const auto plan = plan_vocabulary({{"base", base.path(), 2}, {"other", other.path(), 2}}, 0, {});
  CHECK(texts_of(plan) == Texts{"a", "<x>"});
  CHECK(plan.added == std::vector<AddedToken>{{"<x>"}});
}

TEST_CASE("vocabulary plan: the base's vocabulary, or a model's, is taken as it is", "[merge][tokens]") {
  const Models models;
  const auto base = plan_vocabulary(models.all(), 1, {VocabularySource::base});
  CHECK(texts_of(base) == Texts{"c", "a", "d", "<x>"});
  CHECK(base.added.empty());
  CHECK(base.rows == std::vector<Rows>{{2, 0, -1, -1}, {0, 1, 2, 3}, {-1, -1, 0, 2}});
  const auto own = plan_vocabulary(models.all(), 0, {VocabularySource::model, 2});
  CHECK(texts_of(own) == Texts{"d", "e", "<x>", "<y>"});
  CHECK(own.donor == models.second.path());
  CHECK(texts_of(plan_vocabulary(models.all(), std::nullopt, {VocabularySource::base})) == Texts{"a", "b", "c"});
}

TEST_CASE("vocabulary plan: a named token that is lacking comes last", "[merge][tokens]") {
  const Models models;
  const auto plan = plan_vocabulary(
      models.all(), 0, {VocabularySource::base, 0, {{"<new>", ZeroRow{}}, {"b", SameToken{0}, true}, {"<z>"}}});
  CHECK(texts_of(plan) == Texts{"a", "b", "c", "<new>", "<z>"});
  CHECK(plan.added == std::vector<AddedToken>{{"<new>"}, {"<z>"}});
  REQUIRE(plan.rules.size() == 2);
  CHECK((plan.rules[0].id == 1 && plan.rules[0].source == std::pair{std::size_t{0}, std::int64_t{1}} &&
         plan.rules[0].force));
  CHECK((plan.rules[1].id == 3 && !plan.rules[1].source && !plan.rules[1].force));
  CHECK(plan.notes == Texts{"token '<z>' is in no model: its row is zeros"});
}

TEST_CASE("vocabulary plan: rows are padded to a multiple", "[merge][tokens]") {
  const Models models;
  const auto [multiple, size] = GENERATE(table<std::int64_t, std::int64_t>({{1, 7}, {4, 8}, {7, 7}, {64, 64}}));
  VocabularyRecipe recipe;
  recipe.pad_to_multiple_of = multiple;
  const auto plan = plan_vocabulary(models.all(), 0, recipe);
  CHECK(plan.size == size);
  CHECK(plan.tokens.size() == 7);
  CHECK(plan.rows[0].size() == static_cast<std::size_t>(size));
}

TEST_CASE("vocabulary plan: a model without a tokenizer has the base's tokens if it has its rows", "[merge][tokens]") {
  const Models models;
  const TokenizerFolder bare{{"config.json", "{}"}};
  const auto plan = plan_vocabulary({{"base", models.base.path(), 3}, {"bare", bare.path(), 3}}, 0, {});
  CHECK(plan.rows[1] == Rows{0, 1, 2});
  CHECK(plan.notes == Texts{"bare: has no files of a tokenizer, its tokens are taken to be those of base"});
  REQUIRE_THROWS_MATCHES(
      plan_vocabulary({{"base", models.base.path(), 3}, {"bare", bare.path(), 4}}, 0, {}), Error,
      is_error(Errc::kInvalidArgument,
               "bare: has no files of a tokenizer, and its embedding has 4 rows, that of base has 3"));
  REQUIRE_THROWS_MATCHES(
      plan_vocabulary({{"bare", bare.path(), 3}}, 0, {}), Error,
      is_error(Errc::kInvalidArgument, "bare: has no files of a tokenizer, and its tokens are asked for"));
}

TEST_CASE("vocabulary plan: what cannot be done is refused", "[merge][tokens][broken]") {
  const Models models;
  struct Case {
    const char* title;
    VocabularyRecipe recipe;
    const char* says;
  };
  const auto with = [](TokenRule rule) { return VocabularyRecipe{VocabularySource::base, 0, {std::move(rule)}}; };
  const auto c = GENERATE_COPY(values<Case>({
      {"a model that is none", {VocabularySource::model, 3}, "tokenizer: there is no model 3 among 3"},
      {"a multiple of 0", {VocabularySource::base, 0, {}, 0}, "pad_to_multiple_of: should be from 1 to 65536, is 0"},
      {"a multiple below 0",
       {VocabularySource::base, 0, {}, -64},
       "pad_to_multiple_of: should be from 1 to 65536, is -64"},
      {"a token twice", {VocabularySource::base, 0, {{"<x>"}, {"<x>"}}}, "tokens: '<x>' stands twice"},
      {"a token of no text", with({""}), "tokens: a token has no text"},
      {"forced without a source", with({"<x>", std::monostate{}, true}), "tokens: '<x>' is forced, and has no source"},
      {"a token that the model lacks", with({"<x>", SameToken{0}}),
       "tokens: '<x>' should have the row of '<x>' of base, which has no such token"},
      {"another's that the model lacks", with({"<x>", OtherToken{1, "b"}}),
       "tokens: '<x>' should have the row of 'b' of first, which has no such token"},
      {"an id beyond the rows", with({"<x>", OtherToken{1, 4}}),
       "tokens: '<x>' should have the row of token 4 of first, whose embedding has 4 rows"},
      {"a negative id", with({"<x>", OtherToken{1, -1}}), "should have the row of token -1 of first"},
      {"a source that is no model", with({"<x>", SameToken{9}}), "tokens: '<x>': there is no model 9 among 3"},
  }));
  DYNAMIC_SECTION(c.title) {
    REQUIRE_THROWS_MATCHES(plan_vocabulary(models.all(), 0, c.recipe), Error, is_error(Errc::kInvalidArgument, c.says));
  }
  REQUIRE_THROWS_MATCHES(plan_vocabulary({}, std::nullopt, {}), Error,
                         is_error(Errc::kInvalidArgument, "no model is named"));
}

TEST_CASE("vocabulary plan: a token beyond its model's rows is refused", "[merge][tokens][broken]") {
  const Models models;
  auto all = models.all();
  all[1].rows = 3;
  REQUIRE_THROWS_MATCHES(
      plan_vocabulary(all, 0, {VocabularySource::base}), Error,
      is_error(Errc::kCorrupt, "tokenizer.json: token '<x>' has id 3, and the embedding of first has 3 rows"));
}

TEST_CASE("vocabulary plan: a gap in a vocabulary takes no token, and keeps its row", "[merge][tokens]") {
  const TokenizerFolder gap{{"tokenizer.json", tokenizer_json(R"({"a": 0, "b": 2})")}};
  const std::vector<VocabularyModel> models = {{"gap", gap.path(), 3}};
  const auto plan = plan_vocabulary(models, 0, {VocabularySource::base});
  CHECK(plan.size == 3);
  CHECK(plan.rows[0] == Rows{0, -1, 2});
  REQUIRE_THROWS_MATCHES(
      plan_vocabulary(models, 0, {VocabularySource::base, 0, {{"<x>"}}}), Error,
      is_error(Errc::kUnsupported,
               "token '<x>' cannot be added: its 2 tokens have ids up to 2, and ids without a token lie between"));
}

TEST_CASE("vocabulary plan: tokenizers of different kinds have no union", "[merge][tokens][broken]") {
  constexpr auto kVocab = R"({"a": 0})";
  struct Case {
    const char* title;
    std::string one, other;
    const char* says;
  };
  const auto c = GENERATE_COPY(values<Case>({
      {"another model", tokenizer_json(kVocab), tokenizer_json(kVocab, "[]", "", "WordPiece"),
       "is a tokenizer of another kind (WordPiece, neither bytes nor words marked) than"},
      {"bytes and spaces",
       tokenizer_json(kVocab, "[]",
                      R"(, "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "ByteLevel"}]})"),
       tokenizer_json(kVocab, "[]",
                      R"(, "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "▁"})"),
       "(BPE, metaspace) than"},
      {"another prefix", R"({"model": {"type": "WordPiece", "continuing_subword_prefix": "##", "vocab": {}}})",
       R"({"model": {"type": "WordPiece", "continuing_subword_prefix": "@@", "vocab": {}}})",
       "words continued by '@@') than"},
      {"ends of words", R"({"model": {"type": "BPE", "vocab": {}}})",
       R"({"model": {"type": "BPE", "end_of_word_suffix": "</w>", "vocab": {}}})", "words ended by '</w>') than"},
  }));
  DYNAMIC_SECTION(c.title) {
    const TokenizerFolder one{{"tokenizer.json", c.one}}, other{{"tokenizer.json", c.other}};
    const std::vector<VocabularyModel> models = {{"one", one.path(), 3}, {"other", other.path(), 3}};
    REQUIRE_THROWS_MATCHES(plan_vocabulary(models, 0, {}), Error, is_error(Errc::kUnsupported, c.says));
    CHECK_NOTHROW(plan_vocabulary(models, 0, {VocabularySource::base}));
  }
}
