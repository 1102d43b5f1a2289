// Merging as a user does it.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <algorithm>
#include <csignal>

#include <garage/error.hpp>

#include "places.hpp"
#include "shell.hpp"

using namespace garage;
using namespace garage::test;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

std::string recipe(const std::string& name) { return (test_data("merges") / (name + ".yaml")).string(); }

}  // namespace

TEST_CASE("cli: a merge is planned, made and registered", "[cli][merge]") {
  const Shell shell;
  const auto out = (shell.folder / "out").string();
  const auto planned = shell({"merge", recipe("passthrough"), "--dry-run"});
  CHECK(planned.code == 0);
  CHECK_THAT(planned.out, ContainsSubstring("passthrough of models/a, models/b, laid out as models/a: llama, 13,008 parameters in 57 tensors\n") &&
                              ContainsSubstring("  layer_{3..5} from models/b: layer_{1..3}\n") &&
                              ContainsSubstring("(57 of 57 tensors are copied as they are)"));
  const auto said = json(shell({"merge", recipe("passthrough"), "-o", out, "--json"}));
  CHECK(said.at("bytes_written") == 13'008 * 4);
  CHECK(shell({"register", "made", out}).code == 0);
  CHECK(json(shell({"show", "made", "--json"})).at("num_layers") == 6);
}

TEST_CASE("cli: models of a recipe are found by their ids, too", "[cli][merge]") {
  const Shell shell;
  REQUIRE(shell({"register", "me/a", (test_data("merges/models/a")).string()}).code == 0);
  write_text(shell.folder / "r.yaml", "merge_method: passthrough\nslices:\n  - sources: [{model: me/a, layer_range: [0, 2]}]\n");
  CHECK_THAT(shell({"merge", (shell.folder / "r.yaml").string(), "--dry-run"}).out, ContainsSubstring("layer_{0..1} from me/a: layer_{0..1}"));
}

TEST_CASE("cli: what is wrong with a merge is told in one line", "[cli][merge]") {
  const Shell shell;
  struct Case { const char* title; std::string text; std::vector<std::string> command; Errc code; const char* says; };
  const auto c = GENERATE(values<Case>({
      {"no folder", "", {"merge", recipe("linear")}, Errc::kInvalidArgument, "-o DIR: name the folder to write, or ask for --dry-run"},
      {"no recipe", "", {"merge", "RECIPEx", "-o", "OUT"}, Errc::kNotFound, "r.yamlx"},
      {"a method that is none", "merge_method: lineer\nmodels: [{model: a}]\n", {"merge", "RECIPE", "-o", "OUT"}, Errc::kInvalidArgument, "did you mean 'linear'?"},
      {"a key that is none", "merge_method: linear\nmodells: []\n", {"merge", "RECIPE", "-o", "OUT"}, Errc::kInvalidArgument, "did you mean 'models'?"},
      {"a parameter that is none", "merge_method: linear\nmodels: [{model: a, parameters: {wieght: 1}}]\n", {"merge", "RECIPE", "-o", "OUT"}, Errc::kInvalidArgument, "did you mean 'weight'?"},
      {"a model that is none", "merge_method: passthrough\nmodels: [{model: a}]\n", {"merge", "RECIPE", "-o", "OUT"}, Errc::kNotFound, "model 'a': is no folder from"},
      {"files of nothing", "", {"merge", recipe("linear"), "-o", "OUT", "--max-shard-size", "0"}, Errc::kInvalidArgument, "--max-shard-size 0: should be a number of gigabytes above 0"},
      {"a folder that is there", "", {"merge", recipe("linear"), "-o", "THERE"}, Errc::kInvalidArgument, "is there already: name a new folder"},
  }));
  DYNAMIC_SECTION(c.title) {
    write_text(shell.folder / "r.yaml", c.text);
    auto command = c.command;
    for (auto& word : command) {
      if (word.starts_with("RECIPE")) word = (shell.folder / "r.yaml").string() + word.substr(6);
      if (word == "OUT") word = (shell.folder / "out").string();
      if (word == "THERE") word = shell.folder.path().string();
    }
    const auto ran = shell(command);
    CHECK(ran.code == static_cast<int>(c.code));
    CHECK_THAT(ran.err, ContainsSubstring(c.says));
    CHECK(ran.out.empty());
    CHECK(std::count(ran.err.begin(), ran.err.end(), '\n') == 1);
  }
}

TEST_CASE("cli: on a full disk a merge says so and leaves nothing under its name", "[cli][merge][broken]") {
  const Shell shell;
  fs::create_directory(shell.folder / "disk");
  write_text(shell.folder / "steps.sh", R"(
    mount -t tmpfs -o size=32k none disk || exit 99
    "$1" merge "$2" -o disk/out 2>&1; echo "full: $?"
    ls disk
    mount -o remount,size=16m disk || exit 99
    "$1" merge "$2" -o disk/out --resume 2>&1; echo "room: $?"
    ls disk)");
  const auto result = run_program("/bin/sh", {"-c", "cd \"$1\" && exec unshare -m sh steps.sh \"$2\" \"$3\"", "sh", shell.folder.path().string(), garage_binary().string(), recipe("linear")},
                                  {{"GARAGE_CATALOG", (shell.folder / "catalog").string()}, {"HOME", shell.folder.path().string()}});
  if (result.code != 0) SKIP("no file system may be mounted here: " << result.err);
  CHECK_THAT(result.out, ContainsSubstring("model.safetensors: cannot be written: it takes 40656 bytes, and the disk has less room") && ContainsSubstring("full: 1\nout.partial\n"));
  CHECK_THAT(result.out, ContainsSubstring("room: 0\nout\n"));
}

TEST_CASE("cli: a merge killed at any moment leaves no half model, and goes on", "[cli][merge][kill]") {
  const Shell shell;
  REQUIRE(shell({"merge", recipe("ties"), "-o", (shell.folder / "whole").string(), "--max-shard-size", "0.000004"}).code == 0);
  write_text(shell.folder / "steps.sh", R"(
    for i in $(seq 50); do
      "$1" merge "$2" -o out --resume --max-shard-size 0.000004 >/dev/null 2>&1 &
      # From at once to what a whole one takes.
      sleep 0.0$(($i % 7))$(($i % 10)); kill -9 $! 2>/dev/null; wait $! 2>/dev/null
      if [ -e out ]; then diff -r whole out || exit 1; rm -r out; echo made; fi
    done
    "$1" merge "$2" -o out --resume --max-shard-size 0.000004 || exit 2
    diff -r whole out)");
  const auto result = run_program("/bin/sh", {"-c", "cd \"$1\" && exec bash steps.sh \"$2\" \"$3\"", "sh", shell.folder.path().string(), garage_binary().string(), recipe("ties")},
                                  {{"GARAGE_CATALOG", (shell.folder / "catalog").string()}, {"HOME", shell.folder.path().string()}});
  INFO(result.out << result.err);
  CHECK(result.code == 0);
}
