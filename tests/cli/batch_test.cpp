// `garage batch` as a user runs it, and as others stop it.
#include <csignal>
#include <map>
#include <random>

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

#include "checkpoint_files.hpp"
#include "sanitizer.hpp"
#include "shell.hpp"

using namespace garage;
using namespace garage::test;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

std::map<std::string, std::string> specs_in(const fs::path& catalog) {
  std::map<std::string, std::string> files;
  if (!fs::exists(catalog)) return files;
  for (const auto& entry : fs::directory_iterator(catalog))
    if (entry.path().extension() == ".json") files[entry.path().filename().string()] = read_text(entry.path());
  return files;
}

// Files of specs, and those that are being written.
std::size_t count_in(const fs::path& catalog) {
  std::error_code code;
  std::size_t count = 0;
  for (fs::directory_iterator entry(catalog, code), end; !code && entry != end; entry.increment(code)) ++count;
  return count;
}

std::string config_for(const fs::path& models) { return "models:\n  - {glob: \"" + (models / "*").string() + "\"}\n"; }

}  // namespace

TEST_CASE("cli: batch registers what a file names, and says how it went", "[cli][batch]") {
  const Shell shell;
  write_text(shell.folder / "models.yaml", config_for(test_data("reference")) + "  - {id: gone, path: nowhere}\n");
  const auto report = shell.folder / "report.json";
  const auto first = shell({"batch", (shell.folder / "models.yaml").string(), "--report", report.string()});
  CHECK(first.code == 6);
  CHECK_THAT(first.out, ContainsSubstring("failed: gone: ") && ContainsSubstring("32 models: 31 registered, 0 unchanged, 1 failed"));
  CHECK(boost::json::parse(read_text(report)).at("registered") == 31);
  const auto merged = shell({"batch", "--merge-reports", report.string(), "--json"});
  CHECK(boost::json::parse(merged.out).at("failed").at(0).at("id") == "gone");
  write_text(shell.folder / "models.yaml", config_for(test_data("reference")));
  const auto second = shell({"batch", (shell.folder / "models.yaml").string()});
  CHECK(second.code == 0);
  CHECK_THAT(second.out, ContainsSubstring("31 models: 0 registered, 31 unchanged, 0 failed"));
  CHECK_THAT(shell({"batch"}).err, ContainsSubstring("the config names no models"));
  CHECK(shell({"batch", (shell.folder / "none.yaml").string()}).code == 6);
  CHECK_THAT(shell({"batch", (shell.folder / "models.yaml").string(), "--shard", "3"}).err, ContainsSubstring("a shard is I/N"));
}

TEST_CASE("cli: of a thousand good models beside plugins that take their process down all are kept", "[cli][batch][worker]") {
  const Shell shell;
  std::string models = "models:\n", paths;
  for (int i = 0; i < 1000; ++i)
    models += fmt::format("  - {{id: good/{}, path: \"{}\"}}\n", i, reference(i % 2 ? "gpt2" : "llama-2").string());
  std::map<std::string, std::string> says{{"crashes_work", "plugin 'crashes_work' crashed: Segmentation fault"},
                                          {"exits_work", "plugin 'exits_work' ended the process with exit code 0"},
                                          {"spins_work", "plugin 'spins_work' did not come back within 8 s"}};
  if (!has_sanitizer()) says["eats_work"] = "that plugins.memory_limit gives it";
  for (const auto& [fake, words] : says) {
    write_checkpoint(shell.folder / fake, R"({"model_type": "odd"})", {{fake, DType::kF32, {1}}});
    models += fmt::format("  - {{id: bad/{0}, path: {0}}}\n", fake);
    paths += fmt::format("\"{}/{}\", ", GARAGE_TEST_FAKES, fake);
  }
  const auto config = shell.folder / "models.yaml", report = shell.folder / "report.json";
  write_text(config, fmt::format("plugins: {{paths: [{}], time_limit: 8, memory_limit: 128}}\n{}", paths, models));
  CHECK(shell({"batch", config.string(), "--report", report.string()}).code == 10);
  CHECK(specs_in(shell.folder / "catalog").size() == 1000);
  const auto told = boost::json::parse(read_text(report));
  CHECK(told.at("registered") == 1000);
  REQUIRE(told.at("failed").as_array().size() == says.size());
  for (const auto& failure : told.at("failed").as_array()) {
    const std::string id(failure.at("id").as_string());
    CHECK_THAT(std::string(failure.at("reason").as_string()),
               ContainsSubstring(says.at(id.substr(4))) && ContainsSubstring("in decompose of '" + id + "'"));
  }
}

TEST_CASE("cli: a config of two million models costs nothing where they are not asked for", "[cli][config][bomb]") {
  const Shell shell;
  std::string yaml = "models:\n";
  for (int i = 0; i < 2'000'000; ++i) yaml += "  - {id: m, path: x}\n";
  write_text(shell.folder / "many.yaml", yaml);
  for (const auto* command : {"list", "find"}) {
    const auto result = shell({"--config", (shell.folder / "many.yaml").string(), command}, {.seconds = 5, .bytes = std::uint64_t{1} << 30});
    CAPTURE(command, result.err);
    CHECK(result.code == 0);
  }
}

TEST_CASE("cli: failures of one cause are told together", "[cli][batch]") {
  const Shell shell;
  for (const auto* name : {"a", "b", "c"}) write_text(shell.folder / "models" / name / "config.json", R"({"model_type": "falcon"})");
  write_text(shell.folder / "models.yaml", config_for(shell.folder / "models"));
  const auto result = shell({"batch", (shell.folder / "models.yaml").string()});
  CHECK(result.code == 6);
  CHECK_THAT(result.out, ContainsSubstring("3 failed: has neither model.safetensors nor model.safetensors.index.json, nor weights in another form: if it was downloaded, download it again\n  models/a ("));
}

TEST_CASE("cli: batch --prune forgets what is gone, when it is told to", "[cli][batch]") {
  const Shell shell;
  for (const auto* name : {"gpt2", "llama-2"}) {
    fs::create_directories(shell.folder / "models");
    fs::copy(reference(name), shell.folder / "models" / name, fs::copy_options::recursive);
  }
  const auto config = (shell.folder / "models.yaml").string();
  write_text(config, config_for(shell.folder / "models"));
  REQUIRE(shell({"batch", config}).code == 0);
  fs::remove_all(shell.folder / "models/gpt2");
  const auto refused = shell({"batch", config, "--prune"});
  CHECK(refused.code == 4);
  CHECK_THAT(refused.err, ContainsSubstring("the files of models/gpt2 are gone") && ContainsSubstring("say --yes"));
  CHECK(specs_in(shell.folder / "catalog").size() == 2);
  CHECK(shell({"batch", config, "--prune", "--yes"}).code == 0);
  CHECK(specs_in(shell.folder / "catalog").size() == 1);
}

TEST_CASE("cli: register without a path asks the config and the hub's cache", "[cli][batch]") {
  const Shell shell;
  write_text(shell.folder / "models.yaml", "models:\n  - {id: me/llama, path: " + reference("llama-2").string() + "}\n");
  const auto config = (shell.folder / "models.yaml").string();
  CHECK_THAT(shell({"--config", config, "register", "me/llama"}).out, ContainsSubstring("registered me/llama: llama"));
  const auto missing = shell({"--config", config, "register", "me/lama"});
  CHECK(missing.code == 6);
  CHECK_THAT(missing.err, ContainsSubstring("'me/lama' is neither among the config's models nor in") && ContainsSubstring("say its PATH"));
}

TEST_CASE("cli: on a full disk nothing is torn, with room again the batch completes, and what may only be read is told", "[cli][batch][broken]") {
  const Shell shell;
  const auto config = (shell.folder / "models.yaml").string();
  write_text(config, config_for(test_data("reference")));
  REQUIRE(shell({"batch", config}).code == 0);
  const auto whole = specs_in(shell.folder / "catalog");

  fs::create_directory(shell.folder / "disk");
  write_text(shell.folder / "steps.sh", R"(
    mount -t tmpfs -o size=128k none disk || exit 99
    "$1" batch "$2" 2>&1; echo "full: $?"
    cp -r disk full
    mount -o remount,size=16m disk || exit 99
    "$1" batch "$2" 2>&1; echo "room: $?"
    cp -r disk room
    rm disk/reference__gpt2.json
    mount -o remount,ro disk || exit 99
    "$1" batch "$2" 2>&1; echo "read only: $?"
    "$1" list > listed; echo "list: $?")");
  const auto result = run_program("/bin/sh", {"-c", "cd \"$1\" && exec unshare -m sh steps.sh \"$2\" \"$3\"", "sh", shell.folder.path().string(), garage_binary().string(), config},
                                  {{"GARAGE_CATALOG", (shell.folder / "disk").string()}, {"HOME", shell.folder.path().string()}});
  if (result.code != 0) SKIP("no file system may be mounted here: " << result.err);
  CHECK_THAT(result.out, ContainsSubstring("No space left on device") && ContainsSubstring("full: 1\n"));
  CHECK_THAT(result.out, ContainsSubstring("room: 0\n"));
  CHECK_THAT(result.out, ContainsSubstring("failed: reference/gpt2: ") && ContainsSubstring("cannot be written: Read-only file system") && ContainsSubstring("read only: 1\n"));
  CHECK_THAT(result.out, ContainsSubstring("list: 0\n"));
  const auto full = specs_in(shell.folder / "full");
  CHECK(full.size() > 0);
  CHECK(full.size() < whole.size());
  for (const auto& [name, text] : full) CHECK(whole.at(name) == text);
  for (const auto& entry : fs::directory_iterator(shell.folder / "full")) CHECK_FALSE(entry.path().filename().string().starts_with(".writing"));
  CHECK(specs_in(shell.folder / "room") == whole);
}

TEST_CASE("cli: a batch killed at any moment leaves whole files, and the next run completes the same catalog", "[cli][batch][kill]") {
  const Shell shell;
  const auto config = (shell.folder / "models.yaml").string();
  write_text(config, config_for(test_data("reference")));
  REQUIRE(shell({"batch", config}).code == 0);
  const auto whole = specs_in(shell.folder / "catalog");
  REQUIRE(whole.size() == 31);

  std::mt19937 random(7);
  const auto catalog = shell.folder / "killed";
  int killed = 0, partly = 0;
  for (int round = 0; round < 200; ++round) {
    if (round % 4 == 0) fs::remove_all(catalog);  // else it goes on where the last one stopped
    const auto child = ::fork();
    if (child == 0) {
      ::setenv("GARAGE_CATALOG", catalog.c_str(), 1);
      ::setenv("HOME", shell.folder.path().c_str(), 1);
      if (!::freopen("/dev/null", "w", stdout)) ::_exit(1);
      ::execl(garage_binary().c_str(), "garage", "batch", config.c_str(), nullptr);
      ::_exit(127);
    }
    // At a random moment after a random number of specs is there, however fast the machine is.
    const auto enough = count_in(catalog) + std::uniform_int_distribution<std::size_t>(0, whole.size() - 1)(random);
    int status = 0;
    pid_t ended = 0;
    while (count_in(catalog) < enough && (ended = ::waitpid(child, &status, WNOHANG)) == 0) {}
    if (ended == 0) {
      ::usleep(std::uniform_int_distribution<useconds_t>(0, 3'000)(random));
      ::kill(child, SIGKILL);
      ::waitpid(child, &status, 0);
    }
    killed += WIFSIGNALED(status);
    const auto left = specs_in(catalog);
    partly += !left.empty() && left.size() < whole.size();
    for (const auto& [name, text] : left) {
      CAPTURE(round, name);
      REQUIRE(whole.at(name) == text);
    }
    if (round % 4 != 3) continue;
    const auto next = run_program(garage_binary(), {"batch", config}, {{"GARAGE_CATALOG", catalog.string()}, {"HOME", shell.folder.path().string()}});
    REQUIRE(next.code == 0);
    REQUIRE(specs_in(catalog) == whole);
  }
  CAPTURE(killed, partly);
  CHECK(killed > 50);
  CHECK(partly > 5);
}
