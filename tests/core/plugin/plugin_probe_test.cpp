// Plugins that crash, hang or meddle: nobody else is taken down, and the user is told.
#include <sys/stat.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "is_error.hpp"
#include "places.hpp"
#include "run_program.hpp"
#include "zoo.hpp"

using namespace garage;
using namespace garage::test;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

TEST_CASE("plugin probe: what crashes, hangs, exits or prints is quarantined, and the others serve", "[plugin][probe]") {
  struct Case { const char* name; const char* says; };
  const auto c = GENERATE(values<Case>({
      {"crashes_open", "crashed: Aborted when it was tried in a process of its own; it is tried again when the file changes"},
      {"hangs_open", "did not come back within 5 s"},
      {"exits_open", "ended the process with exit code 3"},
      {"prints_open", "prints to stdout, which is the answer's place"},
      {"crashes_detect", "crashed: Segmentation fault"},
      {"exits_detect", "ended the process with exit code 0"},
      {"prints_detect", "prints to stdout"},
  }));
  DYNAMIC_SECTION(c.name) {
    const Zoo zoo({c.name, "good"});
    const PluginHost host(zoo.settings());
    REQUIRE(host.plugins().size() == 2);
    CHECK(host.choose(Model({{"w", DType::kF32, {1}}}, {{"model_type", "odd"}}), "m").plugin.name == "good");
    const auto record = record_of(zoo.settings(), c.name);
    CHECK(record.state == PluginState::quarantined);
    CHECK_THAT(record.reason, ContainsSubstring(c.says));
  }
}

TEST_CASE("plugin probe: a verdict is kept until the file changes", "[plugin][probe]") {
  const Zoo zoo({"crashes_open"});
  const auto file = zoo.plugins / "libgarage-crashes_open.so";
  CHECK(record_of(zoo.settings(), "crashes_open").state == PluginState::quarantined);
  // Were it tried again, it would not be this reason.
  auto kept = read_text(zoo.folder / "cache/plugins.json");
  CHECK_THAT(kept, ContainsSubstring(file.string()));
  kept.replace(kept.find("crashed: Aborted"), 16, "stood on a table");
  write_text(zoo.folder / "cache/plugins.json", kept);
  CHECK_THAT(record_of(zoo.settings(), "crashes_open").reason, ContainsSubstring("stood on a table"));
  fs::last_write_time(file, fs::last_write_time(file) + std::chrono::seconds(1));
  CHECK_THAT(record_of(zoo.settings(), "crashes_open").reason, ContainsSubstring("crashed: Aborted"));
}

TEST_CASE("plugin probe: verdicts that cannot be read or written are done without", "[plugin][probe]") {
  const Zoo zoo({"good", "exits_open"});
  auto settings = zoo.settings();
  write_text(settings.verdicts, "{\"x\": 1");
  CHECK(record_of(settings, "exits_open").state == PluginState::quarantined);
  CHECK(record_of(settings, "good").state == PluginState::loaded);
  settings.verdicts = zoo.folder / "plugins/libgarage-good.so/below/a/file";
  CHECK(record_of(settings, "exits_open").state == PluginState::quarantined);
  settings.verdicts.clear();
  CHECK(record_of(settings, "good").state == PluginState::loaded);
}

TEST_CASE("plugin host: a library that a plugin needs and is nowhere is named", "[plugin][refused]") {
  const Zoo zoo({"needy"});
  const auto record = record_of(zoo.settings(), "needy");
  CHECK(record.state == PluginState::refused);
  CHECK_THAT(record.reason, ContainsSubstring("libfake_absent.so"));
}

TEST_CASE("plugin host: a pipe named like a plugin does not hang anybody", "[plugin][refused]") {
  const Zoo zoo({});
  ::mkfifo((zoo.plugins / "libgarage-pipe.so").c_str(), 0600);
  CHECK_THAT(record_of(zoo.settings(), "pipe").reason, ContainsSubstring("is no regular file"));
}

TEST_CASE("cli: plugin list tells every file and what became of it", "[cli][plugin]") {
  const Zoo zoo({"crashes_open", "good", "major2"});
  const std::map<std::string, std::string> environment{{"HOME", zoo.folder.path().string()}, {"XDG_CACHE_HOME", ""}, {"GARAGE_PLUGIN_PATH", zoo.plugins.string()}};
  const auto text = run_program(garage_binary(), {"plugin", "list"}, environment);
  CHECK(text.code == 0);
  for (const auto* says : {"good           loaded       1.0", "crashes_open   quarantined  -", "libgarage-crashes_open.so is quarantined: crashed: Aborted", "major2         refused", "llama          loaded"})
    CHECK_THAT(text.out, ContainsSubstring(says));
  const auto json = run_program(garage_binary(), {"plugin", "list", "--json"}, environment);
  CHECK_THAT(json.out, ContainsSubstring("\"state\": \"quarantined\""));
  CHECK(fs::exists(zoo.folder / ".cache/garage/plugins.json"));
}

TEST_CASE("plugin probe: what was opened before is opened again for models that may be its own alone", "[plugin][probe]") {
  const Zoo zoo({"typed", "good"});
  const auto is_mapped = [&](const char* name) { return read_text("/proc/self/maps").find((zoo.plugins / ("libgarage-" + std::string(name) + ".so")).string()) != std::string::npos; };
  // Another process has opened both, and this one none.
  const std::map<std::string, std::string> environment{{"HOME", zoo.folder.path().string()}, {"XDG_CACHE_HOME", (zoo.folder / "elsewhere").string()}, {"GARAGE_PLUGIN_PATH", zoo.plugins.string()}};
  REQUIRE(run_program(garage_binary(), {"plugin", "list"}, environment).code == 0);
  auto settings = zoo.settings();
  settings.verdicts = zoo.folder / "elsewhere/garage/plugins.json";
  REQUIRE(fs::exists(settings.verdicts));
  const PluginHost host(settings);
  CHECK(host.choose(Model({{"w", DType::kF32, {1}}}, {{"model_type", "odd"}}), "m").plugin.name == "good");
  CHECK(is_mapped("good"));
  CHECK_FALSE(is_mapped("typed"));
  CHECK(host.choose(Model({{"w", DType::kF32, {1}}}, {{"model_type", "typed"}}), "m", "typed").plugin.name == "typed");
  CHECK(is_mapped("typed"));
  REQUIRE(host.plugins().size() == 2);
  for (const auto& record : host.plugins()) {
    CHECK(record.state == PluginState::loaded);
    CHECK(record.info);
  }
}

TEST_CASE("plugin probe: what was opened before and may not be opened now is refused when it is needed", "[plugin][probe]") {
  const Zoo zoo({"typed", "good"});
  CHECK(record_of(zoo.settings(), "typed").state == PluginState::loaded);
  auto settings = zoo.settings();
  settings.allow = {{"typed", std::string(64, '0')}, {"good", std::string(64, '0')}};
  const PluginHost host(settings);
  CHECK_THROWS_MATCHES(host.choose(Model({{"w", DType::kF32, {1}}}, {{"model_type", "typed"}}), "m"), Error, is_error(Errc::kUnsupported, "no plugin claims 'm'"));
  for (const auto& record : host.plugins()) {
    CHECK(record.state == PluginState::refused);
    CHECK_FALSE(record.info);
  }
}
