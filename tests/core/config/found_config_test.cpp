// A garage.yaml that is only found where the user stands: it runs nobody's code until the user allows it.
#include <sys/stat.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <garage/config.hpp>

#include "../plugin/zoo.hpp"
#include "is_error.hpp"
#include "places.hpp"
#include "run_program.hpp"

using namespace garage;
using namespace garage::test;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

// A stranger's folder with a config and its plugins, and a user who stands in it.
struct Stranger {
  Zoo zoo{{"good"}};
  TemporaryFolder home;

  Stranger() { write_text(zoo.folder / "garage.yaml", "plugins: {paths: [plugins]}\n"); }

  std::string folder() const { return zoo.folder.path().string(); }
  fs::path plugin() const { return zoo.plugins / "libgarage-good.so"; }
  ProgramResult garage_in(const std::string& place, std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"-C", place, garage_binary().string()});
    return run_program("/usr/bin/env", arguments, {{"HOME", home.path().string()}, {"XDG_CONFIG_HOME", ""}, {"XDG_CACHE_HOME", ""}, {"XDG_DATA_HOME", ""}, {"GARAGE_CONFIG", ""}, {"GARAGE_PLUGIN_PATH", ""}});
  }
  ProgramResult garage(std::vector<std::string> arguments) const { return garage_in(folder(), std::move(arguments)); }
  ProgramResult detect(std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"detect", "--explain", reference("gpt2").string()});
    return garage(more);
  }
};

constexpr const char* kGoodAnswered = "  80  fake    the fake claims everything";

Environment environment(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const char* name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

struct StandIn {
  fs::path before = fs::current_path();
  explicit StandIn(const fs::path& folder) { fs::current_path(folder); }
  ~StandIn() { fs::current_path(before); }
};

}  // namespace

TEST_CASE("found config: its plugins are opened once they are allowed, and while they are as they were", "[config][trust]") {
  const Stranger stranger;
  const auto command = "garage plugin allow " + stranger.folder();
  auto result = stranger.detect();
  CHECK(result.code == 0);
  CHECK_THAT(result.out, !ContainsSubstring("good"));
  CHECK_THAT(result.err, ContainsSubstring("note: " + stranger.folder() + "/garage.yaml was only found, not named, and brings plugins") &&
                             ContainsSubstring("you did not allow libgarage-good.so") && ContainsSubstring(command));

  result = stranger.garage({"plugin", "allow", stranger.folder()});
  CHECK(result.code == 0);
  CHECK(result.err.empty());
  CHECK_THAT(result.out, ContainsSubstring(run_program("/usr/bin/sha256sum", {stranger.plugin().string()}).out.substr(0, 64)));
  result = stranger.detect();
  CHECK_THAT(result.out, ContainsSubstring(kGoodAnswered));
  CHECK(result.err.empty());

  write_text(stranger.plugin(), read_text(stranger.plugin()) + " ");
  result = stranger.detect();
  CHECK_THAT(result.out, !ContainsSubstring("good"));
  CHECK_THAT(result.err, ContainsSubstring("libgarage-good.so changed since you allowed it") && ContainsSubstring(command));
  CHECK_THAT(stranger.garage({"plugin", "list"}).out, ContainsSubstring("libgarage-good.so is refused: its config was only found"));
  CHECK(stranger.garage({"plugin", "allow", "."}).code == 0);
  CHECK_THAT(stranger.detect().out, ContainsSubstring(kGoodAnswered));

  fs::copy_file(fake_file("rival"), stranger.zoo.plugins / "libgarage-rival.so");
  result = stranger.detect();
  CHECK_THAT(result.out, ContainsSubstring(kGoodAnswered) && !ContainsSubstring("rival"));
  CHECK_THAT(result.err, ContainsSubstring("you did not allow libgarage-rival.so") && !ContainsSubstring("libgarage-good.so"));
}

TEST_CASE("found config: what it includes is found, too", "[config][trust]") {
  const Stranger stranger;
  write_text(stranger.zoo.folder / "below/more.yaml", "plugins: {paths: [../plugins]}\n");
  write_text(stranger.zoo.folder / "garage.yaml", "include: [below/more.yaml]\n");
  const auto result = stranger.detect();
  CHECK_THAT(result.out, !ContainsSubstring("good"));
  CHECK_THAT(result.err, ContainsSubstring("garage plugin allow " + stranger.folder()));
  CHECK(stranger.garage({"plugin", "allow", stranger.folder()}).code == 0);
  CHECK_THAT(stranger.detect().out, ContainsSubstring(kGoodAnswered));
}

TEST_CASE("found config: one that the user names brings its plugins", "[config][trust]") {
  const Stranger stranger;
  auto result = stranger.detect({"--config", "garage.yaml"});
  CHECK_THAT(result.out, ContainsSubstring(kGoodAnswered));
  CHECK(result.err.empty());
  result = stranger.detect({"--plugins", "plugins"});
  CHECK_THAT(result.out, ContainsSubstring(kGoodAnswered));
  CHECK(result.err.empty());
  // The user's own is named by where it lies, also when one stands there.
  const auto own = stranger.home / ".config/garage";
  write_text(own / "garage.yaml", "plugins: {paths: [" + stranger.zoo.plugins.string() + "]}\n");
  result = stranger.garage_in(own.string(), {"detect", "--explain", reference("gpt2").string()});
  CHECK_THAT(result.out, ContainsSubstring(kGoodAnswered));
  CHECK(result.err.empty());
}

TEST_CASE("found config: it undoes nothing that the user's own says of plugins", "[config][trust]") {
  const Stranger stranger;
  write_text(stranger.home / ".config/garage/garage.yaml", "plugins: {disable: [llama], time_limit: 20}\n");
  write_text(stranger.zoo.folder / "garage.yaml", "plugins: {disable: [phi], probe: false, time_limit: 0, memory_limit: 0, allow: {gpt2: " + std::string(64, '0') + "}}\n");
  const auto result = stranger.garage({"plugin", "list"});
  for (const auto* says : {"llama          disabled", "phi            disabled", "gpt2           loaded"}) CHECK_THAT(result.out, ContainsSubstring(says));
  CHECK_THAT(result.err, ContainsSubstring("its plugins.allow, plugins.probe, plugins.time_limit, plugins.memory_limit is passed over. Name it with --config"));
}

TEST_CASE("found config: a plugin of it that is not allowed stands before nobody", "[config][trust]") {
  const Stranger stranger;
  fs::rename(stranger.plugin(), stranger.zoo.plugins / "libgarage-gpt2.so");
  const auto result = stranger.detect();
  CHECK(result.code == 0);
  CHECK_THAT(result.out, ContainsSubstring("gpt2 (model_type is 'gpt2')"));
}

TEST_CASE("found config: the command that the note names is one command, whatever the folder is called", "[config][trust]") {
  const Stranger stranger;
  const auto odd = stranger.zoo.folder / "it's; touch pwned";
  write_text(odd / "garage.yaml", "plugins: {paths: [../plugins]}\n");
  const auto note = stranger.garage_in(odd.string(), {"list"}).err;
  const auto at = note.find("plugin allow ");
  REQUIRE(at != std::string::npos);
  const auto words = note.substr(at, note.find('\n', at) - at);
  CHECK_THAT(run_program("/bin/sh", {"-c", "printf '<%s>' " + words}).out, ContainsSubstring("<plugin><allow><" + odd.string() + ">"));
}

TEST_CASE("found config: a list of what is allowed in which others have a say allows nothing", "[config][trust]") {
  const Stranger stranger;
  REQUIRE(stranger.garage({"plugin", "allow", stranger.folder()}).code == 0);
  const auto list = stranger.home / ".config/garage/allowed.json";
  struct Case { const char* title; std::function<void(const fs::path&)> change; const char* says; };
  const auto c = GENERATE(values<Case>({
      {"others may write to it", [](const fs::path& file) { ::chmod(file.c_str(), 0666); }, "others may write to it (mode 666)"},
      {"broken", [](const fs::path& file) { write_text(file, "{\"/\": 1}"); }, "should be folders with files and their sha256"},
      {"no JSON", [](const fs::path& file) { write_text(file, "{"); }, "its text"},
  }));
  DYNAMIC_SECTION(c.title) {
    c.change(list);
    const auto result = stranger.detect();
    CHECK(result.code == 0);
    CHECK_THAT(result.out, !ContainsSubstring("good"));
    CHECK_THAT(result.err, ContainsSubstring(list.string()) && ContainsSubstring(c.says));
  }
}

TEST_CASE("found config: other processes that work for this one open what is allowed, and no more", "[config][trust]") {
  const Stranger stranger;
  write_text(stranger.zoo.folder / "garage.yaml", "plugins: {paths: [plugins]}\ncatalog: catalog\nmodels: [{id: m, path: " + reference("gpt2").string() + "}]\n");
  fs::copy_file(fake_file("rival"), stranger.zoo.plugins / "libgarage-rival.so");
  CHECK(stranger.garage({"plugin", "allow", stranger.folder()}).code == 0);
  fs::copy_file(fake_file("crashes_work"), stranger.zoo.plugins / "libgarage-crashes_work.so");
  const auto result = stranger.garage({"batch"});
  CHECK_THAT(result.out, ContainsSubstring("1 models: 1 registered"));
  CHECK_THAT(result.err, ContainsSubstring("you did not allow libgarage-crashes_work.so"));
}

TEST_CASE("found config: a folder that brings no plugins is not allowed", "[config][trust]") {
  const Stranger stranger;
  struct Case { const char* title; const char* folder; const char* says; };
  write_text(stranger.zoo.folder / "idle/garage.yaml", "plugins: {paths: [none]}\n");
  const auto c = GENERATE(values<Case>({
      {"the folder of the plugins", "plugins", "plugins/garage.yaml is not there; what is allowed is the folder of a garage.yaml"},
      {"none there", "idle", "idle/garage.yaml brings no plugins"},
  }));
  DYNAMIC_SECTION(c.title) {
    const auto result = stranger.garage({"plugin", "allow", c.folder});
    CHECK(result.code == 6);
    CHECK_THAT(result.err, ContainsSubstring(c.says));
  }
}

TEST_CASE("config: a process with foreign rights takes plugins from nobody", "[config][trust]") {
  const Stranger stranger;
  const StandIn there(stranger.zoo.folder.path());
  ConfigOverrides overrides;
  const auto brings = [](const Config& config) {
    for (const auto& folder : config.plugins.folders)
      if (folder.path.filename() == "plugins" && folder.origin != "built in" && folder.origin != "HOME") return true;
    return false;
  };
  const auto found = load_config(overrides, environment({}), true);
  CHECK_FALSE(brings(found));
  REQUIRE(found.notes.size() == 1);
  CHECK_THAT(found.notes[0], ContainsSubstring("garage.yaml is not read: this process runs with more rights"));
  overrides.config = "garage.yaml";
  const auto named = load_config(overrides, environment({}), true);
  CHECK_FALSE(brings(named));
  REQUIRE(named.notes.size() == 1);
  CHECK_THAT(named.notes[0], ContainsSubstring("its plugins.paths are passed over: this process runs with more rights"));
  CHECK(brings(load_config(overrides, environment({}), false)));
  overrides.plugins = {"plugins"};
  CHECK_THROWS_MATCHES(load_config(overrides, environment({}), true), Error, is_error(Errc::kInvalidArgument, "--plugins is not taken"));
}
