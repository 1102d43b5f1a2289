#include <garage/plugin_host.hpp>

#include <thread>

#include <dlfcn.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <garage/checkpoint.hpp>
#include <garage/registry.hpp>

#include "is_error.hpp"
#include "places.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

fs::path fake(std::string_view name) { return fs::path(GARAGE_TEST_FAKES) / name; }
fs::path fake_file(const std::string& name) { return fake(name) / ("libgarage-" + name + ".so"); }

PluginSettings folders(std::initializer_list<fs::path> paths) {
  PluginSettings settings;
  settings.probe = false;  // plugin_probe_test.cpp is about that
  for (const auto& path : paths) settings.folders.push_back({path, "test"});
  return settings;
}

PluginRecord only_record(const fs::path& folder) {
  const PluginHost host(folders({folder}));
  REQUIRE(host.plugins().size() == 1);
  return host.plugins()[0];
}

Model anything() { return Model({{"w", DType::kF32, {1}}}, {{"model_type", "odd"}}); }

}  // namespace

TEST_CASE("plugin host: ours load, and say what they are", "[plugin]") {
  const PluginHost host(our_plugins());
  REQUIRE(host.plugins().size() >= 2);
  for (const auto& record : host.plugins()) {
    CHECK(record.state == PluginState::loaded);
    CHECK(record.info->name == record.name);
    CHECK_FALSE(record.info->families.empty());
  }
}

TEST_CASE("plugin host: a plugin written in C by hand is as good as any", "[plugin]") {
  const PluginHost host(folders({fake("good")}));
  CHECK(host.choose(anything(), "m").plugin.name == "good");
}

TEST_CASE("plugin host: a table larger than ours, from a later SDK, loads", "[plugin][abi]") {
  CHECK(only_record(fake("larger")).state == PluginState::loaded);
}

TEST_CASE("plugin host: a plugin that does not fit is refused with the reason", "[plugin][refused]") {
  struct Case { const char* name; const char* says; };
  const auto c = GENERATE(values<Case>({
      {"major2", "needs garage ABI 2.0, this core serves 1.0 to 1.1; update the core"},
      {"major0", "needs garage ABI 0.0, this core serves 1.0 to 1.1; build it again with this core's SDK"},
      {"newer", "needs garage ABI 1.4, this core serves 1.0 to 1.1; update the core, or build with TARGET_ABI 1.1"},
      {"tiny", "its table has 4 bytes, the version alone takes 8"},
      {"short", "its table has 32 bytes, ABI 1.0 has 48"},
      {"nodetect", "its detect is null"},
      {"nodecompose", "its decompose is null"},
      {"noentry", "exports no garage_plugin_v1: it is no garage plugin"},
      {"null", "garage_plugin_v1 answers null"},
      {"noinfo", "its info_json: not valid JSON"},
      {"badinfo", "its info_json: name: should be a string, is int64"},
      {"alias", "calls itself 'other', its file 'alias'"},
  }));
  DYNAMIC_SECTION(c.name) {
    const auto record = only_record(fake(c.name));
    CHECK(record.state == PluginState::refused);
    CHECK_THAT(record.reason, ContainsSubstring(c.says));
  }
}

TEST_CASE("plugin host: a file that is no library for this machine is refused before it is opened", "[plugin][refused]") {
  const TemporaryFolder folder;
  const auto file = folder / "libgarage-odd.so";
  auto bytes = read_text(fake_file("good"));
  struct Case { const char* title; std::function<void(std::string&)> change; const char* says; };
  const auto c = GENERATE(values<Case>({
      {"empty", [](std::string& b) { b.clear(); }, "has 0 bytes, which is too short"},
      {"text", [](std::string& b) { b = "#!/bin/sh\necho this is no shared library\n"; }, "is too short"},
      {"a long text", [](std::string& b) { b = std::string(500, 'x'); }, "is no shared library (no ELF file)"},
      {"another machine", [](std::string& b) { b[18] = static_cast<char>(0xB7); b[19] = 0; }, "is built for ELF machine 183"},
      {"32 bits", [](std::string& b) { b[4] = 1; }, "is built for 32 bits, this process has 64"},
      {"another byte order", [](std::string& b) { b[5] = 2; }, "is built for another byte order"},
      {"an object file", [](std::string& b) { b[16] = 1; }, "is ELF type 1"},
      {"cut off", [](std::string& b) { b.resize(4096); }, "is cut off: its segments lie past the end of its 4096 bytes"},
      {"cut off in its table", [](std::string& b) { b.resize(100); }, "is cut off"},
  }));
  DYNAMIC_SECTION(c.title) {
    c.change(bytes);
    write_text(file, bytes);
    const auto record = only_record(folder.path());
    CHECK(record.state == PluginState::refused);
    CHECK_THAT(record.reason, ContainsSubstring(c.says));
  }
}

TEST_CASE("plugin host: folders, pipes and dangling links named like plugins are refused", "[plugin][refused]") {
  const TemporaryFolder folder;
  fs::create_directory(folder / "libgarage-folder.so");
  fs::create_symlink("nowhere", folder / "libgarage-link.so");
  const PluginHost host(folders({folder.path()}));
  REQUIRE(host.plugins().size() == 2);
  CHECK_THAT(host.plugins()[0].reason, ContainsSubstring("is no regular file"));
  CHECK_THAT(host.plugins()[1].reason, ContainsSubstring("cannot be opened"));
}

TEST_CASE("plugin host: other files are passed over, and so are folders within", "[plugin]") {
  const TemporaryFolder folder;
  for (const auto* name : {"libgarage.so", "libgarage-.so", "garage-x.so", "libgarage-x.so.1", "notes.txt"}) write_text(folder / name, "x");
  fs::create_directory(folder / "sub");
  fs::copy_file(fake_file("good"), folder / "sub/libgarage-good.so");
  CHECK(PluginHost(folders({folder.path(), folder / "absent"})).plugins().empty());
}

TEST_CASE("plugin host: the first file of a name wins, and the rest are listed", "[plugin]") {
  const TemporaryFolder folder;
  fs::copy_file(fake_file("good"), folder / "libgarage-good.so");
  const PluginHost host(folders({fake("good"), folder.path(), fake("good")}));
  REQUIRE(host.plugins().size() == 2);
  CHECK(host.plugins()[0].state == PluginState::loaded);
  CHECK(host.plugins()[1].state == PluginState::shadowed);
  CHECK_THAT(host.plugins()[1].reason, ContainsSubstring(fake_file("good").string() + " comes first"));
}

TEST_CASE("plugin host: a disabled plugin is listed and not opened", "[plugin]") {
  auto settings = folders({fake("good")});
  settings.disable = {"good"};
  const PluginHost host(settings);
  CHECK(host.plugins().at(0).state == PluginState::disabled);
  CHECK_THROWS_MATCHES(host.choose(anything(), "m"), Error, is_error(Errc::kUnsupported, "no plugin is loaded. Searched:"));
}

TEST_CASE("plugin host: the highest score wins, then the pin, then the priority", "[plugin][choice]") {
  const auto model = anything();
  CHECK(PluginHost(folders({fake("humble"), fake("good")})).choose(model, "m").plugin.name == "good");
  CHECK(PluginHost(folders({fake("good"), fake("preferred")})).choose(model, "m").plugin.name == "preferred");
  CHECK_THROWS_MATCHES(PluginHost(folders({fake("good"), fake("rival")})).choose(model, "m"), Error,
                       is_error(Errc::kAmbiguous, "several plugins claim 'm' alike; name one under plugins.pin in the config:\n  good: 80"));
  auto pinned = folders({fake("good"), fake("rival"), fake("preferred")});
  pinned.pin = {{"fake", "rival"}};
  CHECK(PluginHost(pinned).choose(model, "m").plugin.name == "rival");
  pinned.pin = {{"fake", "rivla"}};
  CHECK_THROWS_MATCHES(PluginHost(pinned).choose(model, "m"), Error, is_error(Errc::kNotFound, "plugins.pin gives family 'fake' to plugin 'rivla', which is not loaded; did you mean 'rival'?"));
}

TEST_CASE("plugin host: a model that nobody claims is refused with what each plugin said", "[plugin][choice]") {
  const PluginHost host(our_plugins());
  CHECK_THROWS_MATCHES(host.choose(anything(), "some/model"), Error, is_error(Errc::kUnsupported, "no plugin claims 'some/model' (model_type 'odd')"));
  CHECK_THROWS_MATCHES(host.choose(anything(), "m"), Error, is_error(Errc::kUnsupported, "llama: 0 model_type is 'odd'"));
}

TEST_CASE("plugin host: a plugin that misbehaves loses its claim, and nobody else's", "[plugin][hostile]") {
  struct Case { const char* name; const char* says; };
  const auto c = GENERATE(values<Case>({
      {"headache", "the fake has a headache"},
      {"throwing", "plugin 'throwing' let an exception out of detect: caught you"},
      {"overeager", "answered detect with score 101"},
      {"overrun", "plugin 'overrun' wrote past the 1024 bytes of its error's message in detect"},
      {"nameless", "score 80 and family ''"},
  }));
  DYNAMIC_SECTION(c.name) {
    const PluginHost host(folders({fake(c.name), fake("humble")}));
    CHECK(host.choose(anything(), "m").plugin.name == "humble");
    const auto claims = host.claims(anything(), "m");
    REQUIRE(claims.size() == 2);
    CHECK(claims[1].failed);
    CHECK_THAT(claims[1].reason, ContainsSubstring(c.says));
  }
}

TEST_CASE("plugin host: text that a plugin forgot to end stays in its field", "[plugin][hostile]") {
  const auto claims = PluginHost(folders({fake("unended")})).claims(anything(), "m");
  CHECK(claims.at(0).family == std::string(64, 'f'));
  CHECK(claims.at(0).reason == std::string(256, 'r'));
}

TEST_CASE("plugin host: a spec that a plugin gets wrong is an error that names it", "[plugin][hostile]") {
  struct Case { const char* name; Errc code; const char* says; };
  const auto c = GENERATE(values<Case>({
      {"speechless", Errc::kInternal, "plugin 'speechless': decompose failed with code 42 and no message"},
      {"throwing_late", Errc::kInternal, "plugin 'throwing_late' let something that is no exception out of decompose"},
      {"nonsense", Errc::kCorrupt, "the spec that plugin 'nonsense' wrote: not valid JSON"},
      {"loops", Errc::kInternal, "the spec that plugin 'loops' wrote: part 'layer_0': it is part of itself"},
      {"fickle", Errc::kInternal, "plugin 'fickle' claimed family 'other' and decomposed 'fake'"},
      {"good", Errc::kCorrupt, "tensor 'w' [1] belongs to no part"},
  }));
  DYNAMIC_SECTION(c.name) {
    const TemporaryFolder folder;
    ModelRegistry registry(test_config(folder / "catalog", folders({fake(c.name)})));
    const auto model = std::string(c.name) == "fickle" ? Model(std::vector<TensorInfo>{}) : anything();
    CHECK_THROWS_MATCHES(registry.register_model("m", model), Error, is_error(c.code, c.says));
    CHECK(registry.list_models().empty());
  }
}

TEST_CASE("plugin host: a plugin stays loaded after its host is gone", "[plugin]") {
  const auto file = fake_file("good");
  { PluginHost(folders({fake("good")})).plugins(); }
  auto* handle = ::dlopen(file.c_str(), RTLD_NOW | RTLD_NOLOAD);
  REQUIRE(handle != nullptr);
  ::dlclose(handle);
}

TEST_CASE("plugin host: many threads may ask at once", "[plugin][threads]") {
  const PluginHost host(our_plugins());
  const auto model = open_checkpoint(reference("llama-2"));
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      for (int k = 0; k < 20; ++k) {
        const auto choice = host.choose(model, "m");
        right += choice.claim.family == "llama" && choice.decomposer->decompose(model).num_layers == 3;
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(right == 160);
}
