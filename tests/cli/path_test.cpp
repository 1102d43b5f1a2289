// A path is bytes: every command does with a folder called caf\xE9 what it does with another, and whatever it answers
// in JSON is UTF-8 and names that folder again.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <garage/path_text.hpp>

#include "places.hpp"
#include "shell.hpp"

using namespace garage::test;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

struct Place : Shell {
  fs::path model = folder / "models/caf\xE9";
  std::string text = "file://" + folder.path().string() + "/models/caf%E9";

  Place() {
    fs::create_directories(model.parent_path());
    fs::copy(reference("gpt2"), model, fs::copy_options::recursive);
  }
};

}  // namespace

TEST_CASE("cli: a checkpoint in a folder that is not UTF-8 is registered, shown, listed and removed", "[cli][path]") {
  const Place garage;
  const auto registered = json(garage({"register", "m", garage.model.string(), "--json"}));
  CHECK(registered.at("source").at("path").as_string() == garage.text);
  CHECK(json(garage({"show", "m", "--json"})).at("source").at("path").as_string() == garage.text);
  CHECK_THAT(garage({"show", "m"}).out, ContainsSubstring("from " + (garage.folder / "models").string() + "/caf\\xe9"));
  CHECK(json(garage({"list", "--json"})).at("problems").as_array().empty());
  CHECK(json(garage({"detect", garage.model.string(), "--json", "--explain"})).at("family") == "gpt2");
  CHECK(garage({"find", "--type", "attention", "--json"}).code == 0);
  CHECK(garage({"show", "m", "--html", (garage.folder / "caf\xE9.html").string()}).code == 0);
  CHECK(fs::exists(garage.folder / "caf\xE9.html"));
  CHECK(garage({"register", "relative", "caf\xE9"}).code == 6);
  CHECK(garage({"remove", "m"}).code == 0);
}

TEST_CASE("cli: a batch tells of a folder that is not UTF-8, and keeps the others", "[cli][path][batch]") {
  const Place garage;
  fs::copy(reference("llama-2"), garage.folder / "models/good", fs::copy_options::recursive);
  const auto config = (garage.folder / "models.yaml").string(), report = (garage.folder / "report-\xE9.json").string();
  write_text(config, "models:\n  - {glob: \"models/*\"}\n");
  const auto result = garage({"batch", config, "--json", "--report", report});
  CHECK(result.code == 4);
  for (const auto& written : {result.out, read_text(report)}) {
    const auto answer = boost::json::parse(written);
    CHECK(answer.at("registered") == 1);
    const auto& failure = answer.at("failed").at(0);
    CHECK(failure.at("id") == "models/caf%E9");
    CHECK(failure.at("path").as_string() == garage.text);
    CHECK_THAT(failure.at("reason").as_string().c_str(), ContainsSubstring("name it by {id: ..., path: " + garage.text + "}"));
  }
  // A merged report says the same.
  const auto merged = boost::json::parse(garage({"batch", "--merge-reports", report, "--json"}).out);
  CHECK(merged.at("failed").at(0).at("path").as_string() == garage.text);
  // As the failure says.
  write_text(config, "models:\n  - {id: me/cafe, path: \"" + garage.text + "\"}\n");
  CHECK(garage({"batch", config}).code == 0);
  CHECK_THAT(garage({"--config", config, "register", "me/cafe"}).out, ContainsSubstring("registered me/cafe"));
  CHECK(garage({"batch", config, "--prune", "--yes"}).code == 0);
  CHECK(garage({"show", "me/cafe"}).code == 0);
  fs::remove_all(garage.model);
  CHECK_THAT(garage({"batch", config, "--prune", "--yes"}).err, ContainsSubstring("the files of me/cafe are gone"));
  CHECK(garage({"show", "me/cafe"}).code == 6);
}

TEST_CASE("cli: a config, a catalog and plugins may lie in folders that are not UTF-8", "[cli][path]") {
  const Place garage;
  const auto root = garage.folder / "r\xE9";
  write_text(root / "garage.yaml", "catalog: c\nmodels:\n  - {id: m, path: ../models/good}\n");
  fs::copy(reference("llama-2"), garage.folder / "models/good", fs::copy_options::recursive);
  fs::create_directories(root / "plugins");
  fs::copy(plugin_folder() / "libgarage-llama.so", root / "plugins/libgarage-llama.so");
  const auto config = (root / "garage.yaml").string(), catalog = (root / "c").string();
  const auto uri = "file://" + garage.folder.path().string() + "/r%E9/";
  const auto answer = json(garage({"--config", config, "--catalog", catalog, "register", "m", "--json"}));
  CHECK(answer.at("spec").as_string() == uri + "c/m.json");
  const auto plugins = json(garage({"--plugins", (root / "plugins").string(), "plugin", "list", "--json"}));
  CHECK(plugins.at(0).at("path").as_string() == uri + "plugins/libgarage-llama.so");
  CHECK(plugins.at(0).at("state") == "loaded");
  CHECK(garage({"plugin", "check", (root / "plugins/libgarage-llama.so").string(), "--model", (garage.folder / "models/good").string(), "--json"}).code == 0);
  // A file in it that no model of ours has is told, and its place is told.
  fs::copy_file(root / "c/m.json", root / "c/caf\xE9.json");
  const auto list = json(garage({"--catalog", catalog, "list", "--json"}));
  CHECK(list.at("models").as_array().size() == 1);
  CHECK(list.at("problems").at(0).at("path").as_string() == uri + "c/caf%E9.json");
  CHECK(garage({"--catalog", catalog, "list"}).code == 0);
  CHECK_THAT(garage({"--config", (garage.folder / "none\xE9.yaml").string(), "list"}).err, ContainsSubstring("cannot be opened"));
}

TEST_CASE("cli: an id that is not UTF-8 is refused with what can be read", "[cli][path][errors]") {
  static const std::string id = "caf\xE9";
  const auto arguments = GENERATE(values<std::vector<std::string>>({
      {"register", id, reference("gpt2").string()},
      {"register", id},
      {"show", id},
      {"parts", id},
      {"part", id, "attention_0"},
      {"remove", id},
      {"compare", "m", id},
      {"find", "--swappable-with", id + ":ffn_0"},
      {"run", id, "--input", "x", "--output", "y"},
      {"run", id, "ffn_0", "--input", "x", "--output", "y"},
      {"extract", id, "ffn_0", "-o", "/nowhere"},
      {"diff-weights", id, "m"},
      {"extract-lora", id, "m", "-o", "/nowhere", "--rank", "4"},
  }));
  const Place garage;
  REQUIRE(garage({"register", "m", garage.model.string()}).code == 0);
  CAPTURE(arguments);
  const auto result = garage(arguments);
  CHECK(result.code == 4);
  CHECK(result.err == "error: a model id must be UTF-8, is 'caf%E9'\n");
}
