// Plugins at work in processes apart: what takes one down fails its own model, by name, and nothing else.
#include <garage/apart.hpp>
#include <garage/batch.hpp>

#include <map>
#include <thread>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

#include "checkpoint_files.hpp"
#include "is_error.hpp"
#include "sanitizer.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

fs::path fakes(const std::string& name) { return fs::path(GARAGE_TEST_FAKES) / name; }

// Ours, and before them some fakes.
Config config_with(const fs::path& catalog, const std::vector<std::string>& names) {
  auto config = test_config(catalog);
  for (const auto& name : names) config.plugins.folders.insert(config.plugins.folders.begin(), {fakes(name), "test"});
  config.plugins.time_limit = 1;
  config.plugins.memory_limit = 512;
  return config;
}

// A checkpoint that the fake of that name claims.
fs::path model_for(const fs::path& folder, const std::string& fake) {
  write_checkpoint(folder / fake, R"({"model_type": "odd"})", {{fake, DType::kF32, {1}}});
  return folder / fake;
}

// Whether workers are forks (this process has one thread) or programs.
class Threads {
 public:
  explicit Threads(bool several) {
    if (several) other_ = std::thread([this] { while (!stops_) std::this_thread::sleep_for(std::chrono::milliseconds(1)); });
  }
  ~Threads() {
    stops_ = true;
    if (other_.joinable()) other_.join();
  }

 private:
  std::atomic<bool> stops_{false};
  std::thread other_;
};

}  // namespace

TEST_CASE("worker: a model is registered and detected apart as here", "[worker]") {
  const TemporaryFolder folder;
  const bool several = GENERATE(false, true);
  const Threads threads(several);
  ModelRegistry registry(test_config(folder / "catalog"));
  const auto registered = register_apart(registry, "m", reference("qwen3-moe"));
  CHECK(registered.is_written);
  CHECK(registered.spec->family == "qwen");
  CHECK_FALSE(register_apart(registry, "m", reference("qwen3-moe")).is_written);
  const auto detected = detect_apart(registry, reference("gemma-2"));
  CHECK(detected.choice.value().family == "gemma");
  CHECK(detected.claims.size() == our_plugin_names().size());
  CHECK_THROWS_MATCHES(register_apart(registry, "m", folder / "none"), Error, is_error(Errc::kNotFound, "none"));
  CHECK_THROWS_MATCHES(register_apart(registry, "", reference("gpt2")), Error, is_error(Errc::kInvalidArgument, "must not be empty"));
  CHECK_THROWS_MATCHES(register_apart(registry, "m", reference("gpt2"), "llama"), Error, is_error(Errc::kNotFound, "plugin 'llama' is to take 'm'"));
}

TEST_CASE("worker: a plugin that takes its process down in decompose is named with the model, and the rest is kept", "[worker][batch]") {
  struct Case { const char* fake; const char* says; };
  const auto c = GENERATE(values<Case>({
      {"crashes_work", "plugin 'crashes_work' crashed: Segmentation fault in decompose of 'bad/crashes_work'"},
      {"exits_work", "plugin 'exits_work' ended the process with exit code 0 in decompose of 'bad/exits_work'"},
      {"hangs_work", "plugin 'hangs_work' did not come back within 1 s (plugins.time_limit) in decompose of 'bad/hangs_work'"},
      {"spins_work", "plugin 'spins_work' did not come back within 1 s (plugins.time_limit) in decompose of 'bad/spins_work'"},
      {"eats_work", "that plugins.memory_limit gives it in decompose of 'bad/eats_work'"},
      {"closes_work", "plugin 'closes_work' crashed: Killed in decompose of 'bad/closes_work'"},
      {"scribbles_work", "plugin 'scribbles_work' wrote to the process's own descriptors"},
  }));
  if (std::string(c.fake) == "eats_work" && has_sanitizer()) SKIP("a sanitizer's process cannot be limited");
  const TemporaryFolder folder;
  BatchModels models;
  models.models.push_back({.id = std::string("bad/") + c.fake, .path = model_for(folder.path(), c.fake)});
  for (int i = 0; i < 12; ++i) models.models.push_back({.id = fmt::format("good/{}", i), .path = reference(i % 2 ? "gpt2" : "llama-2")});
  const bool several = GENERATE(false, true);
  CAPTURE(c.fake, several);
  const Threads threads(several);
  auto config = config_with(folder / "catalog", {c.fake});
  // However slowly it goes down, where it does so by itself.
  if (std::string(c.says).find("time_limit") == std::string::npos) config.plugins.time_limit = 30;
  ModelRegistry registry(std::move(config));
  const auto report = run_batch(registry, models, {.apart = true});
  CHECK(report.registered == 12);
  CHECK(registry.list_models().size() == 12);
  REQUIRE(report.failed.size() == 1);
  CHECK(report.failed[0].code == static_cast<int>(Errc::kInternal));
  CHECK_THAT(report.failed[0].reason, ContainsSubstring(c.says));
}

TEST_CASE("worker: a plugin that goes down when it is asked whose a model is is set aside, and the others are asked", "[worker][batch]") {
  const std::string fake = GENERATE("crashes_later", "hangs_later");
  const TemporaryFolder folder;
  auto tensors = tensors_of(reference("llama-2"));
  const auto config = read_text(reference("llama-2") / "config.json");
  BatchModels models;
  for (int i = 0; i < 6; ++i) models.models.push_back({.id = fmt::format("good/{}", i), .path = reference("llama-2")});
  // Two of its kind that are odd: their config claims gpt2's class, so that nothing else has a say.
  write_checkpoint(folder / "odd", R"({"model_type": "none-such"})", {{"odd", DType::kF32, {1}}});
  models.models.push_back({.id = "odd", .path = folder / "odd"});
  ModelRegistry registry(config_with(folder / "catalog", {fake}));
  const auto report = run_batch(registry, models, {.apart = true});
  CHECK(report.registered == 6);
  REQUIRE(report.failed.size() == 1);
  CHECK(report.failed[0].code == static_cast<int>(Errc::kUnsupported));
  CHECK_THAT(report.failed[0].reason, ContainsSubstring("no plugin claims 'odd'"));
  CHECK_THAT(report.failed[0].details.back(), ContainsSubstring(fake + ".so is quarantined: it "));
  REQUIRE(report.oddities.size() == 1);
  CHECK_THAT(report.oddities[0], ContainsSubstring("plugin '" + fake + "' was set aside: it ") && ContainsSubstring("in detect of 'odd'"));
  const auto detected = detect_apart(registry, folder / "odd");
  CHECK(detected.claims.size() == our_plugin_names().size());
  CHECK(detected.fault.value().code() == Errc::kUnsupported);
  CHECK_THAT(detected.notes.at(0), ContainsSubstring("was set aside"));
}

TEST_CASE("worker: a plugin that again and again does not come back is asked no more", "[worker][batch]") {
  const TemporaryFolder folder;
  BatchModels models;
  const auto path = model_for(folder.path(), "hangs_work");
  for (int i = 0; i < 40; ++i) models.models.push_back({.id = fmt::format("bad/{}", i), .path = path});
  auto config = config_with(folder / "catalog", {"hangs_work"});
  config.batch.jobs = 4;
  ModelRegistry registry(std::move(config));
  const auto report = run_batch(registry, models, {.apart = true});
  CHECK(report.failed.size() == 40);
  std::map<std::int64_t, int> codes;
  for (const auto& failure : report.failed) ++codes[failure.code];
  CHECK(codes[static_cast<int>(Errc::kInternal)] <= 8);  // what was at work when it was set aside
  CHECK(codes[static_cast<int>(Errc::kUnsupported)] >= 32);
  CHECK_THAT(report.oddities.at(0), ContainsSubstring("plugin 'hangs_work' was set aside: it did not come back within 1 s"));
}
