// Names that would command a terminal, wherever one may come from: what a command prints of them is text.
#include <algorithm>

#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "checkpoint_files.hpp"
#include "shell.hpp"

using namespace garage;
using namespace garage::test;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

// Lines of text and nothing else; colours are for terminals, which these are not.
void check_is_text(const ProgramResult& result) {
  for (const auto* text : {&result.out, &result.err}) {
    INFO(*text);
    CHECK(std::none_of(text->begin(), text->end(), [](char c) { return (c >= 0 && c < 0x20 && c != '\n') || c == 0x7F; }));
    for (std::size_t at = 0; at < text->size(); at = text->find('\n', at) + 1) {
      CHECK(text->compare(at, 12, "registered m") != 0);
      if (text->find('\n', at) == text->npos) break;
    }
  }
}

constexpr const char* kEvil = "\033]0;title\a\033[2J\r\nregistered m: llama, all is well\n";

}  // namespace

TEST_CASE("cli: a tensor's name is text", "[cli][terminal]") {
  const Shell shell;
  const auto detected = shell({"detect", test_data("attacks/terminal-escapes.safetensors").string()});
  CHECK(detected.code == 2);
  CHECK_THAT(detected.err, ContainsSubstring("tensor '\\x1b]0;title\\x07\\x1b[2J\\x1b[1;1Hregistered m"));
  check_is_text(detected);
}

TEST_CASE("cli: a model_type, an id, a path and a part's name are text", "[cli][terminal]") {
  const Shell shell;
  write_checkpoint(shell.folder / "typed", R"({"model_type": "\u001b[2J\nregistered m: all is well"})", {{"w", DType::kF32, {1}}});
  for (const auto& arguments : std::vector<std::vector<std::string>>{{"detect", (shell.folder / "typed").string()},
                                                                     {"detect", (shell.folder / "typed").string(), "--explain"},
                                                                     {"register", "m", (shell.folder / "typed").string()},
                                                                     {"register", kEvil, (shell.folder / "typed").string()},
                                                                     {"register", "m", (shell.folder.path() / kEvil).string()},
                                                                     {"show", kEvil},
                                                                     {kEvil}}) {
    const auto result = shell(arguments);
    CHECK(result.code != 0);
    CHECK_THAT(result.err, ContainsSubstring("error: "));
    check_is_text(result);
  }
  REQUIRE(shell({"register", kEvil, reference("gpt2").string()}).code == 0);
  for (const auto& arguments : std::vector<std::vector<std::string>>{{"list"}, {"show", kEvil}, {"parts", kEvil}, {"part", kEvil, "ffn_0"}, {"find", "--type", "ffn"}, {"compare", kEvil, kEvil}, {"remove", kEvil}}) {
    const auto result = shell(arguments);
    CHECK(result.code == 0);
    check_is_text(result);
  }
}

TEST_CASE("cli: what a spec, a plugin's message and a batch hold is text, and JSON stays as it is", "[cli][terminal]") {
  const Shell shell;
  const std::string name = "bad\033[2J\nregistered m: all is well";
  write_checkpoint(shell.folder / "models" / name, R"({"model_type": "none\u001b[2J"})", {{"w", DType::kF32, {1}}});
  write_text(shell.folder / "models.yaml", "models:\n  - {glob: \"" + (shell.folder / "models/*").string() + "\"}\n");
  const auto batch = shell({"batch", (shell.folder / "models.yaml").string()});
  CHECK(batch.code == 3);
  check_is_text(batch);
  const auto report = boost::json::parse(shell({"batch", (shell.folder / "models.yaml").string(), "--json"}).out);
  CHECK(report.at("failed").at(0).at("id").as_string() == "models/" + name);
  REQUIRE(shell({"register", "g", reference("gpt2").string()}).code == 0);
  auto spec = read_text(shell.folder / "catalog/g.json");
  for (const auto* word : {"\"gpt2\"", "ln_1_0", "gelu_new"})
    for (auto at = spec.find(word); at != spec.npos; at = spec.find(word, at + 20)) spec.insert(at + 1, "\\u001b[2J\\n");
  write_text(shell.folder / "catalog/g.json", spec);
  for (const auto& arguments : std::vector<std::vector<std::string>>{{"list"}, {"show", "g"}, {"parts", "g"}, {"part", "g", "layer_0"}, {"part", "g", "ffn_0"}, {"compare", "g", "g"}, {"find"}})
    check_is_text(shell(arguments));
}
