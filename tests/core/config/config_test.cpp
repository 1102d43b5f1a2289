#include <garage/config.hpp>

#include <map>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <fmt/format.h>

#include <garage/nearest.hpp>

#include "is_error.hpp"
#include "temporary_folder.hpp"

using namespace garage;
using namespace garage::test;
namespace fs = std::filesystem;

namespace {

Environment environment(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const char* name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

Config parse(std::string_view yaml) { return parse_config(yaml, "/etc/garage/garage.yaml", environment({{"HOME", "/home/ada"}})); }

}  // namespace

TEST_CASE("config: every key is read", "[config]") {
  const auto config = parse(R"(
catalog: ~/specs
plugins:
  paths: [./plugins, /opt/plugins]
  pin: {llama: acme-llama}
  disable: [phi]
devices:
  default: cuda:1
  dtype: bfloat16
  keep_packed: true
  rules:
    - {model: "meta-llama/*", parts: "layer_{0..15}", device: "cuda:0"}
    - {dtype: float32}
models:
  - {id: meta-llama/Llama-2-7b-hf, path: llama-2-7b, variant: fp16, adapters: [poet, {path: /sql, weight: 0.5}]}
  - {glob: "/models/*/*"}
  - {hub_cache: ~/.cache/huggingface/hub}
  - {list: models.txt}
batch: {jobs: 4, on_error: stop}
)");
  CHECK(config.catalog == "/home/ada/specs");
  REQUIRE(config.plugins.folders.size() == 2);
  CHECK(config.plugins.folders[0].path == "/etc/garage/plugins");
  CHECK(config.plugins.folders[0].origin == "/etc/garage/garage.yaml");
  CHECK(config.plugins.folders[1].path == "/opt/plugins");
  CHECK(config.plugins.pin.at("llama") == "acme-llama");
  CHECK(config.plugins.disable.contains("phi"));
  CHECK(config.devices.device == "cuda:1");
  CHECK(config.devices.dtype == "bfloat16");
  REQUIRE(config.devices.rules.size() == 2);
  CHECK(config.devices.rules[0].parts == "layer_{0..15}");
  CHECK(config.devices.rules[0].device == "cuda:0");
  CHECK(config.devices.rules[1].model == "*");
  REQUIRE(config.models.size() == 4);
  CHECK(config.models[0].path == "/etc/garage/llama-2-7b");
  CHECK(config.devices.keep_packed);
  CHECK(config.models[0].variant == "fp16");
  CHECK(config.models[0].adapters == std::vector<AdapterUse>{{"/etc/garage/poet", 1}, {"/sql", 0.5}});
  CHECK(config.models[1].glob == "/models/*/*");
  CHECK(config.models[2].hub_cache == "/home/ada/.cache/huggingface/hub");
  CHECK(config.models[3].list == "/etc/garage/models.txt");
  CHECK(config.batch.jobs == 4);
  CHECK(config.batch.on_error == OnError::stop);
}

TEST_CASE("config: a path that is not UTF-8 is named by its file URI", "[config][path]") {
  const auto config = parse(R"(
catalog: file:///specs/caf%E9
include: []
plugins: {paths: ["file:///opt/caf%E9"]}
models:
  - {id: a, path: file:///models/caf%E9/}
  - {hub_cache: file:///hub/caf%E9}
  - {list: file:///lists/caf%E9.txt}
  - {id: b, path: ./file:///models/b}
)");
  CHECK(config.catalog == "/specs/caf\xE9");
  CHECK(config.plugins.folders[0].path == "/opt/caf\xE9");
  CHECK(config.models[0].path == "/models/caf\xE9/");
  CHECK(config.models[1].hub_cache == "/hub/caf\xE9");
  CHECK(config.models[2].list == "/lists/caf\xE9.txt");
  CHECK(config.models[3].path == "/etc/garage/file:/models/b");
}

TEST_CASE("config: what is left out has its default", "[config]") {
  const auto yaml = GENERATE("", "# nothing", "plugins:", "devices: {}", "models: []");
  const auto config = parse(yaml);
  CHECK(config.catalog == "/home/ada/.model_garage/registry");
  CHECK(config.plugins.folders.empty());
  CHECK(config.devices.device == "auto");
  CHECK(config.devices.dtype == "keep");
  CHECK(config.batch.jobs == 0);
  CHECK(config.batch.on_error == OnError::keep_going);
}

TEST_CASE("config: a fault is told by line, column and what was meant", "[config][broken]") {
  struct Case { const char* title; const char* yaml; const char* says; };
  const auto c = GENERATE(values<Case>({
      {"an unknown key", "catalogue: x", "garage.yaml:1:12: 'catalogue' is unknown; did you mean 'catalog'?"},
      {"an unknown key within", "plugins:\n  path: [x]", "garage.yaml:2:9: 'plugins.path' is unknown; did you mean 'paths'?"},
      {"an unknown key in a list", "models:\n  - {idd: a, path: b}", "'models[0].idd' is unknown; did you mean 'id'?"},
      {"nothing like it", "zzzzzzzz: x", "'zzzzzzzz' is unknown"},
      {"a key twice", "catalog: a\ncatalog: b", "garage.yaml:2:1: 'catalog' stands twice"},
      {"another document", "catalog: a\n---\ncatalog: b", "garage.yaml:3:1: stands behind the document's end"},
      {"keys behind braces", "{catalog: a}\nbatch: {}", "garage.yaml:2:1: stands behind the document's end"},
      {"an empty text", "plugins:\n  pin:\n    llama:\n\nbatch:", "garage.yaml:3:5: 'plugins.pin.llama' should be a text"},
      {"no YAML", "catalog: [a", "is no YAML"},
      {"a tab", "plugins:\n\tpaths: []", "is no YAML"},
      {"a list for a mapping", "plugins: [a]", "'plugins' should be a mapping"},
      {"a text for the document", "hello", "should be a mapping"},
      {"a text for a list", "plugins: {paths: ./x}", "'plugins.paths' should be a list"},
      {"a mapping for a text", "catalog: {a: b}", "'catalog' should be a text"},
      {"Latin 1", "catalog: a\nbatch: {}\nmodels: [{id: a, path: /caf\xE9}]", "garage.yaml:3:28: is not UTF-8 (byte E9); a path with such bytes is written as file:///models/caf%E9"},
      {"a URI with a host", "catalog: file://host/x", "'catalog' is 'file://host/x', which names a host"},
      {"a URI that is none", "models: [{id: a, path: \"file:///caf%E\"}]", "'models[0].path' is 'file:///caf%E', where a % has no two digits of hex after it"},
      {"a URI for a pattern", "models: [{glob: \"file:///caf%E9/*\"}]", "'models[0].glob' is a pattern and cannot be a file URI"},
      {"a NUL", "catalog: \"a\\0b\"", "'catalog' has a NUL byte"},
      {"an empty path", "catalog: \"\"", "'catalog' should name a path"},
      {"a device", "devices: {default: gpu}", "'devices.default' is 'gpu', should be auto, cpu, cuda or cuda:<number>"},
      {"a device's number", "devices: {default: \"cuda:x\"}", "should be auto, cpu, cuda or cuda:<number>"},
      {"a dtype", "devices: {dtype: int8}", "'devices.dtype' is 'int8', should be one of keep, float32, bfloat16, float16"},
      {"an idle rule", "devices: {rules: [{model: a}]}", "'devices.rules[0]' should name a device or a dtype"},
      {"jobs", "batch: {jobs: many}", "'batch.jobs' should be a whole number from 0 to 4096"},
      {"negative jobs", "batch: {jobs: -1}", "'batch.jobs' should be a whole number"},
      {"on_error", "batch: {on_error: ignore}", "should be one of continue, stop"},
      {"a model without a place", "models: [{id: a}]", "'models[0]' has 0 of path, glob, hub_cache and list"},
      {"a model in two places", "models: [{id: a, path: b, glob: c}]", "has 2 of path, glob, hub_cache and list, should have one"},
      {"a path without an id", "models: [{path: b}]", "has a path and no id"},
      {"an id of a list", "models: [{id: a, list: b}]", "has an id, which only a path or a glob takes"},
      {"a revision of a path", "models: [{id: a, path: b, revision: c}]", "has a revision, which only a hub_cache takes"},
      {"adapters of a glob", "models: [{glob: b, adapters: [c]}]", "has adapters, which only a path takes"},
      {"an adapter without a place", "models: [{id: a, path: b, adapters: [{weight: 1}]}]", "'models[0].adapters[0]' has no path"},
      {"an adapter's weight", "models: [{id: a, path: b, adapters: [{path: c, weight: much}]}]", "'models[0].adapters[0].weight' should be a number"},
      {"keep_packed", "devices: {keep_packed: some}", "'devices.keep_packed' is 'some', should be one of true, false"},
      {"devices of a glob", "models: [{glob: b, devices: [{device: cpu}]}]", "has devices, which only a path takes"},
      {"an include that is not there", "include: [none.yaml]", "none.yaml, which is not there"},
  }));
  DYNAMIC_SECTION(c.title) { CHECK_THROWS_MATCHES(parse(c.yaml), Error, is_error(Errc::kInvalidArgument, c.says)); }
}

TEST_CASE("config: the command line comes before the environment, and that before the file", "[config]") {
  const TemporaryFolder folder;
  write_text(folder / "c.yaml", "catalog: from-file\nplugins: {paths: [from-file]}");
  const std::map<std::string, std::string> variables = {{"HOME", "/home/ada"}, {"GARAGE_CONFIG", (folder / "c.yaml").string()}};
  auto with_catalog = variables;
  with_catalog["GARAGE_CATALOG"] = "/from-environment";
  with_catalog["GARAGE_PLUGIN_PATH"] = "/e1::/e2";
  CHECK(load_config({}, environment(variables)).catalog == folder / "from-file");
  CHECK(load_config({}, environment(with_catalog)).catalog == "/from-environment");
  ConfigOverrides overrides;
  overrides.catalog = "/from-command-line";
  overrides.plugins = {"/c1"};
  const auto config = load_config(overrides, environment(with_catalog));
  CHECK(config.catalog == "/from-command-line");
  REQUIRE(config.plugins.folders.size() >= 4);
  CHECK(config.plugins.folders[0].path == "/c1");
  CHECK(config.plugins.folders[1].path == "/e1");
  CHECK(config.plugins.folders[2].path == "/e2");
  CHECK(config.plugins.folders[3].path == folder / "from-file");
}

TEST_CASE("config: a file that somebody named has to be there", "[config][broken]") {
  ConfigOverrides overrides;
  overrides.config = "/no/such.yaml";
  CHECK_THROWS_MATCHES(load_config(overrides, environment({})), Error, is_error(Errc::kNotFound, "/no/such.yaml"));
  CHECK_THROWS_MATCHES(load_config({}, environment({{"GARAGE_CONFIG", "/no/such.yaml"}})), Error, is_error(Errc::kNotFound, "/no/such.yaml"));
}

TEST_CASE("config: the user's own file is found", "[config]") {
  const TemporaryFolder folder;
  write_text(folder / "garage/garage.yaml", "catalog: mine");
  CHECK(load_config({}, environment({{"XDG_CONFIG_HOME", folder.path().string()}})).catalog == folder / "garage/mine");
}

TEST_CASE("config: a ~ without HOME is refused", "[config][broken]") {
  CHECK_THROWS_MATCHES(parse_config("catalog: ~/x", "c.yaml", environment({})), Error, is_error(Errc::kInvalidArgument, "HOME is not set"));
}

TEST_CASE("nearest: it guesses what is close and nothing else", "[config]") {
  const std::vector<std::string> commands = {"register", "remove", "list", "show"};
  CHECK(nearest("lst", commands) == "list");
  CHECK(nearest("regsiter", commands) == "register");
  CHECK(nearest("frobnicate", commands) == std::nullopt);
}

TEST_CASE("config: configs/default.yaml says every key and its default", "[config]") {
  const auto text = read_text(std::filesystem::path(GARAGE_TEST_DATA) / "../../configs/default.yaml");
  const auto written = parse(text), empty = parse("");
  CHECK(written.catalog == empty.catalog);
  CHECK(written.plugins.folders.empty());
  CHECK(written.devices.device == empty.devices.device);
  CHECK(written.devices.dtype == empty.devices.dtype);
  CHECK(written.devices.rules.empty());
  CHECK(written.devices.keep_packed == empty.devices.keep_packed);
  CHECK(written.models.empty());
  CHECK(written.batch.jobs == empty.batch.jobs);
  CHECK(written.batch.on_error == empty.batch.on_error);
  for (const auto* key : {"catalog:", "plugins:", "paths:", "pin:", "disable:", "devices:", "default:", "dtype:", "keep_packed:", "rules:", "models:", "batch:", "jobs:", "on_error:"})
    CHECK(text.find(key) != std::string::npos);
}

TEST_CASE("config: every config that we ship is read", "[config]") {
  int read = 0;
  for (const auto& file : std::filesystem::directory_iterator(std::filesystem::path(GARAGE_TEST_DATA) / "../../configs")) {
    if (file.path().extension() != ".yaml") continue;
    CAPTURE(file.path());
    CHECK_NOTHROW(parse_config(read_text(file.path()), file.path()));
    ++read;
  }
  CHECK(read >= 6);
}

TEST_CASE("config: files may include others, whose settings they change", "[config][include]") {
  const TemporaryFolder folder;
  write_text(folder / "base/base.yaml", "catalog: store\nbatch: {jobs: 3, on_error: stop}\nplugins: {paths: [p]}\nmodels:\n  - {id: a, path: x}\n");
  write_text(folder / "top.yaml", "models:\n  - {id: b, path: y, pin: acme, devices: [{parts: \"layer_*\", device: cpu}]}\ninclude: [base/base.yaml]\nbatch: {jobs: 5}\n");
  const auto config = parse_config(read_text(folder / "top.yaml"), folder / "top.yaml");
  CHECK(config.catalog == folder / "base/store");
  CHECK(config.batch.jobs == 5);
  CHECK(config.batch.on_error == OnError::stop);
  REQUIRE(config.models.size() == 2);
  CHECK(*config.models[0].path == folder / "base/x");
  CHECK(config.models[1].plugin == "acme");
  REQUIRE(config.devices.rules.size() == 1);
  CHECK(config.devices.rules[0].model == "b");
  // A loop, and a fault in what is included, are told where they stand.
  write_text(folder / "base/base.yaml", "include: [../top.yaml]\n");
  CHECK_THROWS_MATCHES(parse_config(read_text(folder / "top.yaml"), folder / "top.yaml"), Error,
                       is_error(Errc::kInvalidArgument, "base.yaml:1:11: 'include[0]' includes"));
  write_text(folder / "base/base.yaml", "batsh: {}\n");
  CHECK_THROWS_MATCHES(parse_config(read_text(folder / "top.yaml"), folder / "top.yaml"), Error,
                       is_error(Errc::kInvalidArgument, "base.yaml:1:8: 'batsh' is unknown; did you mean 'batch'?"));
}

TEST_CASE("config: files that include others without end are refused", "[config][include][bomb]") {
  const TemporaryFolder folder;
  const auto file = [&](int i) { return folder / fmt::format("{}.yaml", i); };
  const auto read = [&] { return parse_config(read_text(file(0)), file(0)); };
  SECTION("a chain") {
    for (int i = 0; i < 2000; ++i) write_text(file(i), fmt::format("include: [{}.yaml]\n", i + 1));
    CHECK_THROWS_MATCHES(read(), Error, is_error(Errc::kInvalidArgument, "33.yaml: files include each other more than 32 deep"));
  }
  SECTION("one file again and again") {
    std::string includes;
    for (int i = 0; i < 1001; ++i) includes += "1.yaml, ";
    write_text(file(0), "include: [" + includes + "]\n");
    write_text(file(1), "batch: {jobs: 1}\n");
    CHECK_THROWS_MATCHES(read(), Error, is_error(Errc::kInvalidArgument, "1.yaml: files include others more than 1000 times"));
  }
  SECTION("each twice the next: read once") {
    for (int i = 0; i < 30; ++i) write_text(file(i), fmt::format("include: [{0}.yaml, {0}.yaml]\nmodels: [{{id: m{0}, path: x}}]\n", i + 1));
    write_text(file(30), "batch: {jobs: 7}\n");
    CHECK(read().models.size() == 30);
    CHECK(read().batch.jobs == 7);
  }
}

TEST_CASE("config: a file that several include does not undo what the first said", "[config][include]") {
  const TemporaryFolder folder;
  write_text(folder / "base.yaml", "batch: {jobs: 1}\ncatalog: base\n");
  write_text(folder / "a.yaml", "include: [base.yaml]\nbatch: {jobs: 2}\n");
  write_text(folder / "b.yaml", "include: [base.yaml]\n");
  write_text(folder / "top.yaml", "include: [a.yaml, b.yaml]\n");
  CHECK(parse_config(read_text(folder / "top.yaml"), folder / "top.yaml").batch.jobs == 2);
}

TEST_CASE("config: aliases that stand for far more than the file are refused", "[config][bomb]") {
  const auto repeated = [](int count, std::string_view text) {
    std::string all;
    for (int i = 0; i < count; ++i) all += text;
    return all;
  };
  struct Case { const char* title; std::string yaml; const char* says; };
  const auto c = GENERATE_COPY(values<Case>({
      {"rules of every model", "models:\n  - {id: a, path: b, devices: &d [" + repeated(2000, "{device: cpu}, ") + "]}\n" + repeated(2000, "  - {id: a, path: b, devices: *d}\n"), "is out of proportion to the file: its aliases stand for too much"},
      {"one long text", "plugins:\n  paths: [&p " + std::string(100'000, 'p') + repeated(2000, ", *p") + "]\n", "is out of proportion to the file"},
  }));
  DYNAMIC_SECTION(c.title) { CHECK_THROWS_MATCHES(parse(c.yaml), Error, is_error(Errc::kInvalidArgument, c.says)); }
}

TEST_CASE("config: a few aliases are read", "[config]") {
  const auto config = parse("models:\n  - {id: a, path: a, devices: &d [{device: cpu}, {parts: x, dtype: float32}]}\n  - {id: b, path: b, devices: *d}\n");
  CHECK(config.devices.rules.size() == 4);
}

TEST_CASE("config: a block of models is left out where nobody needs it, and nothing else is", "[config][bomb]") {
  const auto left_out = [](std::string_view yaml) { return parse_config(yaml, "/etc/garage/garage.yaml", environment({{"HOME", "/home/ada"}}), false); };
  struct Case { const char* title; std::string yaml; std::size_t models; };
  const auto c = GENERATE(values<Case>({
      {"a block", "models:\n  - {id: a, path: b}\nbatch: {jobs: 3}\n", 0},
      {"one that is no YAML", "models: # many\n  - {id: a, path: [\n\n# more\n  - \"\nbatch: {jobs: 3}\n", 0},
      {"entries below the key", "models:\n- id: a\n  path: b\n- {id: c, path: d}\nbatch: {jobs: 3}\n", 0},
      {"at the end", "batch: {jobs: 3}\nmodels:\n  - {id: a, path: b}", 0},
      {"lines that end as on Windows", "models:\r\n  - {id: a, path: b}\r\n\r\nbatch: {jobs: 3}\r\n", 0},
      {"a list in one line", "models: [{id: a, path: b}]\nbatch: {jobs: 3}\n", 1},
      {"an anchor that others may name", "models:\n  - {id: a, path: &b /b}\ncatalog: *b\nbatch: {jobs: 3}\n", 1},
      {"directives, which are no part of it", "batch: {jobs: 3}\nmodels:\n  - {id: a, path: b}\n%x\n", 1},
      {"a text that goes on where other keys stand", "batch: {jobs: 3}\nmodels:\n  - {id: a, path: \"b\ncatalog: c\n\"}\n", 1},
      {"a key within another", "plugins:\n  pin:\n    models:\n      x\nbatch: {jobs: 3}\n", 0},
      {"none", "batch: {jobs: 3}\n", 0},
  }));
  DYNAMIC_SECTION(c.title) {
    const auto config = left_out(c.yaml);
    CHECK(config.batch.jobs == 3);
    CHECK(config.models.size() == c.models);
  }
  // A fault behind it is where it was; one in it is nobody's; a key twice stays one.
  CHECK_THROWS_MATCHES(left_out("models:\n  - a\n  - b\nbatsh: {}\n"), Error, is_error(Errc::kInvalidArgument, "garage.yaml:4:8: 'batsh' is unknown"));
  CHECK_THROWS_MATCHES(left_out("models:\n  - {id: a, path: b}\nmodels:\n  - {id: c, path: d}\n"), Error, is_error(Errc::kInvalidArgument, "'models' stands twice"));
  CHECK_THROWS_MATCHES(left_out("catalog: \"a\nmodels:\n  b\"\nbatsh: {}\n"), Error, is_error(Errc::kInvalidArgument, "garage.yaml"));
  CHECK_THROWS_MATCHES(left_out("models: [" + std::string(9'000'000, ' ') + "]\n"), Error, is_error(Errc::kInvalidArgument, "has 9000011 bytes, and at most 8000000 are read beside a block of `models:`"));
}
