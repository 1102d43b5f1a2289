#include "../../../../core/src/merge/tokens/vocabulary.hpp"

#include <fstream>
#include <map>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <boost/json.hpp>

#include "is_error.hpp"
#include "tokenizer_folders.hpp"

using namespace garage;
using namespace garage::test;
namespace json = boost::json;

namespace {

using Ids = std::map<std::string, std::int64_t>;

Ids ids_of(const Vocabulary& vocabulary) {
  Ids ids;
  for (const auto& token : vocabulary.tokens) ids[token.text] = token.id;
  return ids;
}

std::vector<std::string> texts_of(const Vocabulary& vocabulary) {
  std::vector<std::string> texts;
  for (const auto& token : vocabulary.tokens) texts.push_back(token.text);
  return texts;
}

constexpr auto kLetters = R"({"a": 0, "b": 1, "c": 2})";

Vocabulary vocabulary_of(std::int64_t tokens, const std::string& last) {
  Vocabulary vocabulary;
  for (std::int64_t id = 0; id + 1 < tokens; ++id) vocabulary.tokens.push_back({id, "t" + std::to_string(id)});
  vocabulary.tokens.push_back({tokens - 1, last});
  return vocabulary;
}

}  // namespace

// loaded.json: what get_vocab() of transformers 5.12.1 answers for each of the folders.
TEST_CASE("vocabulary: tokens and ids are those that transformers loads", "[merge][tokens]") {
  struct Case {
    const char* kind;
    const char* type;
    const char* spelling;
  };
  const auto c = GENERATE(values<Case>({{"bpe", "BPE", "byte-level"},
                                        {"wordpiece", "WordPiece", "words continued by '##'"},
                                        {"unigram", "Unigram", "metaspace"}}));
  DYNAMIC_SECTION(c.kind) {
    const auto loaded = json::parse(read_text(tokenizers(c.kind) / "loaded.json"));
    for (const auto& [name, tokens] : loaded.at("models").as_object()) {
      const auto vocabulary = read_vocabulary(tokenizers(c.kind) / std::string_view(name.data(), name.size()));
      REQUIRE(vocabulary);
      CHECK(ids_of(*vocabulary) == json::value_to<Ids>(tokens));
      CHECK(vocabulary->model_type == c.type);
      CHECK(vocabulary->spelling == c.spelling);
      CHECK_FALSE(vocabulary->has_gaps());
    }
  }
}

// pieces: what spm_train of sentencepiece 0.1.97 wrote beside the model.
TEST_CASE("vocabulary: a model of sentencepiece has the pieces that sentencepiece lists", "[merge][tokens]") {
  const auto [kind, type] = GENERATE(table<std::string, std::string>({{"bpe", "BPE"}, {"unigram", "Unigram"}}));
  const auto folder = tokenizers("sentencepiece/" + kind);
  const auto vocabulary = read_vocabulary(folder);
  REQUIRE(vocabulary);
  std::vector<std::string> pieces;
  std::ifstream lines(folder / "pieces");
  for (std::string line; std::getline(lines, line);) pieces.push_back(line);
  CHECK(texts_of(*vocabulary) == pieces);
  CHECK(vocabulary->model_type == type);
  CHECK(vocabulary->spelling == "metaspace");
}

TEST_CASE("vocabulary: older files are read too", "[merge][tokens]") {
  const TokenizerFolder json_folder{
      {"vocab.json", R"({"b": 1, "a": 0})"}, {"merges.txt", ""}, {"added_tokens.json", R"({"<y>": 3, "<x>": 2})"}};
  const auto plain = read_vocabulary(json_folder.path());
  REQUIRE(plain);
  CHECK(texts_of(*plain) == std::vector<std::string>{"a", "b", "<x>", "<y>"});
  CHECK(plain->model_type == "BPE");
  CHECK(plain->spelling.empty());
  const TokenizerFolder txt_folder{{"vocab.txt", "[PAD]\r\n[UNK]\nthe\n##s"}};
  CHECK(texts_of(read_vocabulary(txt_folder.path()).value()) ==
        std::vector<std::string>{"[PAD]", "[UNK]", "the", "##s"});
  const TokenizerFolder untyped{{"tokenizer.json", R"({"model": {"vocab": [["a", -1], ["b", -2.5]]}})"}};
  CHECK(read_vocabulary(untyped.path())->model_type == "Unigram");
}

// What transformers 5.12.1 loads from the folder bpe/base with these files.
TEST_CASE("vocabulary: what its configs add comes behind, in transformers' order", "[merge][tokens]") {
  struct Case {
    const char* title;
    std::vector<std::pair<std::string_view, std::string>> files;
    std::vector<std::string> adds;
  };
  const auto c = GENERATE(values<Case>({
      {"named tokens",
       {{"tokenizer_config.json",
         R"({"extra_special_tokens": ["<a>", "<b>"], "mask_token": {"content": "<m>", "lstrip": true},
          "pad_token": "<pad>", "bos_token": "<s>", "sep_token": null})"}},
       {"<pad>", "<m>", "<a>", "<b>"}},
      {"a decoder, by id",
       {{"tokenizer_config.json",
         R"({"added_tokens_decoder": {"25": {"content": "<y>"}, "24": {"content": "<x>"}}, "pad_token": "<x>"})"}},
       {"<x>", "<y>"}},
      {"older files",
       {{"special_tokens_map.json", R"({"pad_token": "<p>", "eos_token": {"content": "<e>"}})"},
        {"added_tokens.json", R"({"<z>": 24})"}},
       {"<z>", "<e>", "<p>"}},
      {"older files beside a decoder",
       {{"special_tokens_map.json", R"({"pad_token": "<p>"})"},
        {"added_tokens.json", R"({"<z>": 99})"},
        {"tokenizer_config.json", R"({"added_tokens_decoder": {}})"}},
       {}},
  }));
  DYNAMIC_SECTION(c.title) {
    const TokenizerFolder folder{{"tokenizer.json", read_text(tokenizers("bpe/base/tokenizer.json"))}};
    for (const auto& [name, text] : c.files) write_text(folder / name, text);
    const auto before = read_vocabulary(tokenizers("bpe/base")).value();
    auto expected = texts_of(before);
    expected.insert(expected.end(), c.adds.begin(), c.adds.end());
    CHECK(texts_of(read_vocabulary(folder.path()).value()) == expected);
  }
}

TEST_CASE("vocabulary: how an added token is looked for is kept", "[merge][tokens]") {
  const auto vocabulary = read_vocabulary(tokenizers("bpe/b")).value();
  CHECK(vocabulary.added == std::vector<AddedToken>{{"<pad>", false, false, false, false, true},
                                                    {"</s>", false, false, false, false, true},
                                                    {"<|im_start|>", false, false, false, false, true},
                                                    {"<tool>", true, true, false, false, false}});
}

TEST_CASE("vocabulary: broken files are refused", "[merge][tokens][broken]") {
  struct Case {
    const char* title;
    const char* file;
    std::string text;
    const char* says;
  };
  const auto c = GENERATE(values<Case>({
      {"empty", "tokenizer.json", "", "tokenizer.json: not valid JSON at line 1, column 1"},
      {"cut off", "tokenizer.json", R"({"model": {"vocab": {"a": 0})",
       "tokenizer.json: not valid JSON at line 1, column 29"},
      {"bytes that are not UTF-8", "tokenizer.json", "{\"model\": {\"vocab\": {\"\xff\": 0}}}", "tokenizer.json: "},
      {"a list", "tokenizer.json", "[]", "tokenizer.json: should be an object, is array"},
      {"a member twice", "tokenizer.json", R"({"model": {"vocab": {}}, "added_tokens": [], "added_tokens": []})",
       "tokenizer.json: has 'added_tokens' twice"},
      {"no model", "tokenizer.json", "{}", "tokenizer.json: has no 'model'"},
      {"no vocabulary", "tokenizer.json", R"({"model": {"type": "BPE"}})", "model: has no 'vocab'"},
      {"a vocabulary that is a text", "tokenizer.json", R"({"model": {"vocab": "x"}})",
       "model.vocab: should be an object, is string"},
      {"a type that is a number", "tokenizer.json", R"({"model": {"type": 3, "vocab": {}}})",
       "model.type: should be a string, is int64"},
      {"a vocabulary twice", "tokenizer.json", R"({"model": {"vocab": {}, "vocab": {}}})", "model: has 'vocab' twice"},
      {"an id that is a text", "tokenizer.json", tokenizer_json(R"({"a": "0"})"),
       "model.vocab: the id of token 'a' is no whole number"},
      {"an id with a fraction", "tokenizer.json", tokenizer_json(R"({"a": 0.5})"),
       "the id of token 'a' is no whole number"},
      {"a negative id", "tokenizer.json", tokenizer_json(R"({"a": -1})"),
       "model.vocab: token 'a' has id -1, ids are from 0 to 16777215"},
      {"an id that is too large", "tokenizer.json", tokenizer_json(R"({"a": 16777216})"), "token 'a' has id 16777216"},
      {"two tokens of one id", "tokenizer.json", tokenizer_json(R"({"a": 0, "b": 1, "c": 0})"),
       "tokenizer.json: tokens 'a' and 'c' both have id 0"},
      {"a token twice", "tokenizer.json", tokenizer_json(R"({"a": 0, "a": 1})"),
       "tokenizer.json: token 'a' stands twice"},
      {"a piece twice", "tokenizer.json", tokenizer_json(R"([["a", 0], ["a", 1]])", "[]", "", "Unigram"),
       "token 'a' stands twice"},
      {"a piece without a text", "tokenizer.json", tokenizer_json(R"([["a", 0], [1, 2]])"),
       "model.vocab: piece 1 is no [text, score]"},
      {"added tokens that are an object", "tokenizer.json", tokenizer_json("{}", "{}"),
       "added_tokens: should be an array, is object"},
      {"an added token without a text", "tokenizer.json", tokenizer_json("{}", R"([{"id": 0}])"),
       "added_tokens.0: has no 'content'"},
      {"an added token without an id", "tokenizer.json", tokenizer_json("{}", R"([{"content": "x"}])"),
       "added_tokens.0: has no 'id'"},
      {"an added token of an empty text", "tokenizer.json", tokenizer_json("{}", added({{"", 0}})),
       "added_tokens.0: a token has no text"},
      {"an id twice", "tokenizer.json", tokenizer_json("{}", R"([{"id": 0, "content": "x", "id": 1}])"),
       "added_tokens.0: has 'id' twice"},
      {"a flag that is a number", "tokenizer.json",
       tokenizer_json("{}", R"([{"id": 0, "content": "x", "special": 1}])"),
       "added_tokens.0.special: should be true or false"},
      {"an added token of another's id", "tokenizer.json", tokenizer_json(kLetters, added({{"<x>", 1}})),
       "added_tokens.0: token '<x>' has id 1 there, and is loaded with id 3"},
      {"added tokens with a gap", "tokenizer.json", tokenizer_json(kLetters, added({{"<x>", 5}})),
       "token '<x>' has id 5 there, and is loaded with id 3"},
      {"added tokens in another order", "tokenizer.json", tokenizer_json(kLetters, added({{"<y>", 4}, {"<x>", 3}})),
       "token '<y>' has id 4 there, and is loaded with id 3"},
      {"an added token that the model knows", "tokenizer.json", tokenizer_json(kLetters, added({{"c", 1}})),
       "token 'c' has id 1 there, and is loaded with id 2"},
      {"an id that the next added token takes", "tokenizer.json",
       tokenizer_json(R"({"a": 0, "b": 2})", added({{"<x>", 2}})), "tokens 'b' and '<x>' both have id 2"},
      {"control characters", "tokenizer.json", tokenizer_json(R"({"\u001b[2J": -1})"), R"(token '\x1b[2J' has id -1)"},
      {"vocab.json: a list", "vocab.json", "[]", "vocab.json: should be an object, is array"},
      {"vocab.json: nested", "vocab.json", R"({"eng": {"a": 0}})",
       "vocab.json: the id of token 'eng' is no whole number"},
      {"vocab.txt: a line twice", "vocab.txt", "a\nb\na\n", "vocab.txt: token 'a' stands twice"},
      {"sentencepiece: empty", "tokenizer.model", "",
       "tokenizer.model: is no model of sentencepiece: it has no pieces"},
      {"sentencepiece: a list of tiktoken", "tokenizer.model", "IQ== 0\nIg== 1\n",
       "tokenizer.model: is no model of sentencepiece"},
      {"sentencepiece: cut off", "tokenizer.model",
       std::string("\x0a\x05\x0a\x03"
                   "ab"),
       "5 bytes are due at byte 2, 4 are left"},
      {"sentencepiece: a piece that leaves its message", "tokenizer.model",
       std::string("\x0a\x03\x0a\x09"
                   "a"),
       "9 bytes are due at byte 4, 1 are left"},
      {"sentencepiece: a number without an end", "tokenizer.model", std::string(12, '\xff'),
       "a number of more than 64 bits ends at byte 10"},
      {"sentencepiece: an unknown kind of field", "tokenizer.model", "\x0b", "a field of kind 3 ends at byte 1"},
      {"sentencepiece: a piece that is not UTF-8", "tokenizer.model", std::string("\x0a\x03\x0a\x01\xff"),
       R"(piece 0, '\xff', is not UTF-8)"},
      {"sentencepiece: a piece twice", "tokenizer.model",
       std::string("\x0a\x03\x0a\x01"
                   "a\x0a\x03\x0a\x01"
                   "a"),
       "token 'a' stands twice"},
  }));
  DYNAMIC_SECTION(c.title) {
    const TokenizerFolder folder{{c.file, c.text}};
    REQUIRE_THROWS_MATCHES(read_vocabulary(folder.path()), Error, is_error(Errc::kCorrupt, c.says));
  }
}

TEST_CASE("vocabulary: configs that contradict it are refused", "[merge][tokens][broken]") {
  struct Case {
    const char* title;
    const char* file;
    const char* text;
    const char* says;
  };
  const auto c = GENERATE(values<Case>({
      {"a decoder's other id", "tokenizer_config.json", R"({"added_tokens_decoder": {"7": {"content": "b"}}})",
       "tokenizer_config.json: added_tokens_decoder: token 'b' has id 7 there, and is loaded with id 1"},
      {"a decoder's gap", "tokenizer_config.json", R"({"added_tokens_decoder": {"7": {"content": "<x>"}}})",
       "token '<x>' has id 7 there, and is loaded with id 3"},
      {"a decoder's key that is no id", "tokenizer_config.json", R"({"added_tokens_decoder": {"x": {"content": "b"}}})",
       "added_tokens_decoder: 'x' is no id"},
      {"a decoder's negative id", "tokenizer_config.json", R"({"added_tokens_decoder": {"-1": {"content": "b"}}})",
       "token 'b' has id -1"},
      {"a named token that is a number", "tokenizer_config.json", R"({"pad_token": 3})",
       "pad_token: should be a string or an object, is int64"},
      {"a named token without a text", "tokenizer_config.json", R"({"pad_token": {}})", "pad_token: has no 'content'"},
      {"a config that is no object", "tokenizer_config.json", "3", "tokenizer_config.json: should be an object"},
      {"added_tokens.json: a text", "added_tokens.json", R"({"<x>": "3"})",
       "added_tokens.json: the id of token '<x>' is no whole number"},
      {"added_tokens.json: a gap", "added_tokens.json", R"({"<x>": 4})",
       "added_tokens.json: token '<x>' has id 4 there, and is loaded with id 3"},
      {"special_tokens_map.json: broken", "special_tokens_map.json", "{", "special_tokens_map.json: not valid JSON"},
  }));
  DYNAMIC_SECTION(c.title) {
    const TokenizerFolder folder{{"tokenizer.json", tokenizer_json(kLetters)}, {c.file, c.text}};
    REQUIRE_THROWS_MATCHES(read_vocabulary(folder.path()), Error, is_error(Errc::kCorrupt, c.says));
  }
}

TEST_CASE("vocabulary: forms that are not read are named", "[merge][tokens]") {
  const TokenizerFolder folder{{"spiece.model", ""}, {"merges.txt", ""}, {"tokenizer_config.json", "{}"}};
  REQUIRE_THROWS_MATCHES(
      read_vocabulary(folder.path()), Error,
      is_error(Errc::kUnsupported, "its vocabulary is in merges.txt, spiece.model, which is not read"));
}

TEST_CASE("vocabulary: a folder without a tokenizer has none", "[merge][tokens]") {
  const TokenizerFolder folder{{"config.json", "{}"}, {"tokenizer_config.json", "{}"}, {"pytorch_model.model", ""}};
  CHECK_FALSE(read_vocabulary(folder.path()));
}

TEST_CASE("vocabulary: two models' are compared token by token", "[merge][tokens]") {
  static const auto five = vocabulary_of(5, "x"), other = vocabulary_of(5, "y"), six = vocabulary_of(6, "x");
  struct Case {
    const char* title;
    const Vocabulary *a, *b;
    std::int64_t rows_a, rows_b;
    const char* says;
  };
  const auto c = GENERATE(values<Case>({
      {"the same", &five, &five, 8, 8, nullptr},
      {"the same, no tokenizers", nullptr, nullptr, 8, 8, nullptr},
      {"one has no tokenizer", &five, nullptr, 8, 8, nullptr},
      {"a token without a row", &five, &other, 4, 4, nullptr},
      {"another token", &five, &other, 8, 8,
       "a has 5 tokens, b has 5, and the first that differs is that of id 4: 'x' and 'y'"},
      {"more tokens", &five, &six, 8, 8,
       "a has 5 tokens, b has 6, and the first that differs is that of id 4: 'x' and 't4'"},
      {"fewer tokens", &six, nullptr, 8, 9, "the embedding of a has 8 rows, that of b has 9"},
      {"other rows", &five, &five, 8, 9, "the embedding of a has 8 rows, that of b has 9"},
      {"a row less than tokens", &five, &five, 5, 4,
       "a has 5 tokens, b has 4, and the first that differs is that of id 4: 'x' and no token"},
  }));
  DYNAMIC_SECTION(c.title) {
    const auto says = vocabulary_difference({"a", c.a, c.rows_a}, {"b", c.b, c.rows_b});
    CHECK(says.value_or("the same") == (c.says ? c.says : "the same"));
  }
}
