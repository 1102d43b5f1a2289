// Specs that contradict themselves, as a user meets them: in a catalog, and from a plugin.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <garage/error.hpp>

#include "checkpoint_files.hpp"
#include "places.hpp"
#include "shell.hpp"

using namespace garage;
using namespace garage::test;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("cli: a spec in the catalog that contradicts itself is told, and all others are answered for", "[cli][contradictions]") {
  struct Case { const char* file; const char* id; const char* place; const char* says; };
  const auto c = GENERATE(values<Case>({
      {"spec-child-of-itself.json", "e", "e.json", "e.json: part 'layer_0': it is part of itself"},
      {"spec-child-missing.json", "e", "e.json", "e.json: part 'layer_1': its child names part 'nope', which does not exist"},
      {"spec-heads-overflow.json", "reference/llama-3.1", "reference__llama-3.1.json", "llama-3.1.json: part 'attention_0': its num_heads is 4, heads is 1099511627776"},
      {"spec-negative.json", "reference/llama-3.1", "reference__llama-3.1.json", "llama-3.1.json: part 'norm': 'input_dim' is -9223372036854775808, should be 0 or more"},
  }));
  DYNAMIC_SECTION(c.file) {
    const Shell shell;
    shell.with("gpt2", {"list"});
    write_text(shell.folder / "catalog" / c.place, read_text(test_data("attacks") / c.file));

    const auto list = shell({"list"});
    CHECK(list.code == 0);
    CHECK_THAT(list.out, ContainsSubstring("gpt2"));  // of a spec it says what it can
    const auto find = shell({"find", "--type", "attention"});
    CHECK(find.code == 0);
    CHECK_THAT(find.out, ContainsSubstring("attention_{0..2}"));
    CHECK_THAT(find.err, ContainsSubstring(c.says));
    const auto page = (shell.folder / "page.html").string();
    for (const auto& arguments : std::vector<std::vector<std::string>>{{"show", c.id}, {"show", c.id, "--html", page}, {"show", c.id, "--json"}, {"parts", c.id}, {"parts", c.id, "--layer", "1"}, {"part", c.id, "norm"}, {"compare", c.id, "gpt2"}, {"compare", "gpt2", c.id, "--html", page}, {"find", "--swappable-with", std::string(c.id) + ":norm"}}) {
      const auto result = shell(arguments);
      INFO(arguments[0] << " " << arguments[1]);
      CHECK(result.code == static_cast<int>(Errc::kCorrupt));
      CHECK(result.out.empty());
      CHECK_THAT(result.err, ContainsSubstring(c.says));
    }
    CHECK_FALSE(std::filesystem::exists(page));
    CHECK(shell({"show", "gpt2", "--html", page}).code == 0);
    CHECK(shell({"remove", c.id}).code == 0);
    CHECK(shell({"list"}).err.empty());
  }
}

TEST_CASE("cli: a plugin whose layers are each other's attention registers nothing", "[cli][contradictions]") {
  const Shell shell;
  shell.with("gpt2", {"list"});
  write_checkpoint(shell.folder / "odd", R"({"model_type": "odd"})", {{"w", DType::kF32, {1}}});
  const auto result = shell({"--plugins", std::string(GARAGE_TEST_FAKES) + "/loops", "register", "m", (shell.folder / "odd").string()});
  CHECK(result.code == static_cast<int>(Errc::kInternal));
  CHECK_THAT(result.err, ContainsSubstring("odd: the spec that plugin 'loops' wrote: part 'layer_0': it is part of itself"));
  const auto list = shell({"list"});
  CHECK(list.code == 0);
  CHECK(list.err.empty());
  CHECK(list.out.find(" m ") == std::string::npos);
}
