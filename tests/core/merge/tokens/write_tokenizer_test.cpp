#include "../../../../core/src/merge/tokens/write_tokenizer.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <boost/json.hpp>

#include "is_error.hpp"
#include "tokenizer_folders.hpp"

using namespace garage;
using namespace garage::test;
namespace fs = std::filesystem;
namespace json = boost::json;

namespace {

json::value json_of(const fs::path& file) { return json::parse(read_text(file)); }

std::vector<std::string> files_of(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

// How a list that is written anew is laid out is no matter.
std::string without_space(std::string text) {
  std::erase_if(text, [](char c) { return c == ' ' || c == '\n'; });
  return text;
}

VocabularyPlan with_new_token(const fs::path& folder) {
  return plan_vocabulary({{"a", folder, 50}}, 0, {VocabularySource::base, 0, {{"<new>", ZeroRow{}}}});
}

}  // namespace

// union/tokenizer.json: what save_pretrained of transformers 5.12.1 wrote of the union (vocabulary_plan_test.cpp).
TEST_CASE("tokenizer files: a union's are those that transformers writes", "[merge][tokens]") {
  const auto [kind, names] = GENERATE(table<std::string, std::vector<std::string>>(
      {{"bpe", {"base", "a", "b"}}, {"wordpiece", {"base", "a"}}, {"unigram", {"base", "a"}}}));
  DYNAMIC_SECTION(kind) {
    std::vector<VocabularyModel> models;
    for (const auto& name : names) models.push_back({name, tokenizers(kind) / name, 50});
    const TemporaryFolder out;
    write_tokenizer(plan_vocabulary(models, 0, {}), out.path());
    CHECK(json_of(out / "tokenizer.json") == json_of(tokenizers(kind) / "union/tokenizer.json"));
    CHECK(json_of(out / "tokenizer_config.json") == json_of(tokenizers(kind) / "base/tokenizer_config.json"));
  }
}

TEST_CASE("tokenizer files: what is written is read as what was planned", "[merge][tokens]") {
  std::vector<VocabularyModel> models;
  for (const auto* name : {"base", "a", "b"}) models.push_back({name, tokenizers("bpe") / name, 50});
  const auto plan = plan_vocabulary(models, 2, {VocabularySource::union_of_all, 0, {{"<new>"}}});
  const TemporaryFolder out;
  write_tokenizer(plan, out.path());
  CHECK(read_vocabulary(out.path())->tokens == plan.tokens);
}

TEST_CASE("tokenizer files: the donor's are copied where nothing is added", "[merge][tokens]") {
  const TokenizerFolder donor{{"tokenizer.json", tokenizer_json(R"({"a": 0})")},
                              {"vocab.json", "1"},
                              {"tokenizer.model", "2"},
                              {"chat_template.jinja", "3"},
                              {"config.json", "{}"},
                              {"model.safetensors", ""}};
  const TemporaryFolder out;
  write_tokenizer(plan_vocabulary({{"a", donor.path(), 1}}, 0, {}), out.path());
  CHECK(files_of(out.path()) ==
        std::vector<std::string>{"chat_template.jinja", "tokenizer.json", "tokenizer.model", "vocab.json"});
  CHECK(read_text(out / "tokenizer.json") == read_text(donor / "tokenizer.json"));
}

TEST_CASE("tokenizer files: added tokens leave no older vocabulary beside them", "[merge][tokens]") {
  const TokenizerFolder donor{{"tokenizer.json", tokenizer_json(R"({"a": 0})")},
                              {"vocab.json", R"({"a": 0})"},
                              {"merges.txt", ""},
                              {"tokenizer.model", ""},
                              {"added_tokens.json", "{}"},
                              {"special_tokens_map.json", "{}"},
                              {"chat_template.jinja", "3"},
                              {"tokenizer_config.json", "{}"}};
  const TemporaryFolder out;
  write_tokenizer(with_new_token(donor.path()), out.path());
  CHECK(files_of(out.path()) == std::vector<std::string>{"chat_template.jinja", "special_tokens_map.json",
                                                         "tokenizer.json", "tokenizer_config.json"});
}

TEST_CASE("tokenizer files: all else in them stays byte for byte", "[merge][tokens]") {
  const std::string head = R"({"version":"1.0", "deep": [{"added_tokens": [1e300, "]}\\", {}]}], )";
  const std::string model = R"("model": {"type": "Unigram", "vocab": [["a", 0.0], ["b", -9.125490188598633]]})";
  const std::string token =
      R"("content":"<new>","single_word":false,"lstrip":false,"rstrip":false,"normalized":true,"special":false})";
  struct Case {
    const char* title;
    std::string before, after;
  };
  const auto c = GENERATE_COPY(values<Case>({
      {"none before", head + model + "}\n", head + model + ",\n  \"added_tokens\": [{\"id\":2," + token + "]}\n"},
      {"a list before", head + R"("added_tokens" :[{"id":0,"content":"a","further":1}] ,)" + model + "}",
       head + R"("added_tokens" :[{"id":0,"content":"a","further":1},{"id":2,)" + token + "] ," + model + "}"},
      {"null before", R"({"added_tokens":null,)" + model + "}",
       R"({"added_tokens":[{"id":2,)" + token + "]," + model + "}"},
      {"a name with escapes", R"({"added\u005ftokens":[],)" + model + "}",
       R"({"added\u005ftokens":[{"id":2,)" + token + "]," + model + "}"},
  }));
  DYNAMIC_SECTION(c.title) {
    const TokenizerFolder donor{{"tokenizer.json", c.before}};
    const TemporaryFolder out;
    write_tokenizer(with_new_token(donor.path()), out.path());
    CHECK(without_space(read_text(out / "tokenizer.json")) == without_space(c.after));
  }
}

TEST_CASE("tokenizer files: a config that lists added tokens lists them all", "[merge][tokens]") {
  const std::string length = R"({"model_max_length": 1000000000000000019884624838656, "added_tokens_decoder": )";
  const TokenizerFolder donor{{"tokenizer.json", tokenizer_json(R"({"a": 0, "b": 1})")},
                              {"tokenizer_config.json", length + R"({"1": {"content": "b"}}, "x": 1})"}};
  const TemporaryFolder out;
  write_tokenizer(with_new_token(donor.path()), out.path());
  const auto text = read_text(out / "tokenizer_config.json");
  CHECK(text.starts_with(length));
  const auto config = json::parse(text);
  CHECK(config.at("x") == 1);
  CHECK(config.at("added_tokens_decoder") == json::value{{"1", {{"content", "b"}}},
                                                         {"2",
                                                          {{"content", "<new>"},
                                                           {"single_word", false},
                                                           {"lstrip", false},
                                                           {"rstrip", false},
                                                           {"normalized", true},
                                                           {"special", false}}}});
}

TEST_CASE("tokenizer files: tokens are added to a tokenizer.json alone", "[merge][tokens][broken]") {
  const TokenizerFolder donor{{"vocab.json", R"({"a": 0})"}};
  const TemporaryFolder out;
  REQUIRE_THROWS_MATCHES(
      write_tokenizer(with_new_token(donor.path()), out.path()), Error,
      is_error(Errc::kUnsupported, "has no tokenizer.json, and 1 tokens have to be added, '<new>' first"));
}
