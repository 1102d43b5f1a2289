// Several processes over one catalog: alike in all that a system may repeat, and killed at any moment.
#include <csignal>
#include <map>
#include <random>
#include <set>

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

#include <garage/catalog.hpp>

#include "shell.hpp"

using namespace garage::test;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

std::map<std::string, std::string> specs_in(const fs::path& catalog) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::directory_iterator(catalog))
    if (entry.path().extension() == ".json") files[entry.path().filename().string()] = read_text(entry.path());
  return files;
}

// So many models, of a few kinds.
void make_models(const fs::path& folder, int count) {
  const char* kinds[] = {"gpt2", "llama-2", "qwen3-moe", "gemma-2", "phi-3"};
  fs::create_directory(folder);
  for (int i = 0; i < count; ++i) fs::create_directory_symlink(reference(kinds[i % 5]), folder / fmt::format("m{}", i));
}

// A process that does what it is given, again and again, until it is killed.
pid_t start(const std::vector<std::string>& arguments, const fs::path& catalog, const fs::path& home) {
  const auto child = ::fork();
  if (child != 0) return child;
  ::setenv("GARAGE_CATALOG", catalog.c_str(), 1);
  ::setenv("HOME", home.c_str(), 1);
  if (!::freopen("/dev/null", "w", stdout) || !::freopen("/dev/null", "w", stderr)) ::_exit(1);
  std::vector<char*> words{const_cast<char*>("garage")};
  for (const auto& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  ::execv(garage_binary().c_str(), words.data());
  ::_exit(127);
}

}  // namespace

TEST_CASE("cli: two batches whose processes have the same ids give the catalog of one", "[cli][batch][together]") {
  const Shell shell;
  make_models(shell.folder / "models", 300);
  const auto config = (shell.folder / "models.yaml").string();
  write_text(config, "models:\n  - {glob: \"" + (shell.folder / "models/*").string() + "\"}\n");
  REQUIRE(shell({"batch", config}).code == 0);
  const auto script = R"(for i in 0 1; do unshare --pid --fork "$1" batch "$2" --shard $i/2 & pids="$pids $!"; done
                         for pid in $pids; do wait $pid || exit 1; done)";
  if (run_program("/usr/bin/unshare", {"--pid", "--fork", "true"}).code != 0) SKIP("no process-id namespaces here");
  const auto result = run_program("/bin/sh", {"-c", script, "sh", garage_binary().string(), config},
                                  {{"GARAGE_CATALOG", (shell.folder / "together").string()}, {"HOME", shell.folder.path().string()}});
  INFO(result.out << result.err);
  REQUIRE(result.code == 0);
  const auto one = specs_in(shell.folder / "catalog"), together = specs_in(shell.folder / "together");
  CHECK(one.size() == 300);
  CHECK(together == one);
}

TEST_CASE("cli: processes that register, remove, list and batch the same ids, killed at any moment, lose and mix up nothing", "[cli][batch][together][kill]") {
  const Shell shell;
  make_models(shell.folder / "models", 20);
  const auto config = (shell.folder / "models.yaml").string();
  write_text(config, "models:\n  - {glob: \"" + (shell.folder / "models/*").string() + "\"}\n");
  REQUIRE(shell({"batch", config}).code == 0);
  const auto whole = specs_in(shell.folder / "catalog");
  REQUIRE(whole.size() == 20);

  // Half of the models nobody removes: they must be there, whatever else happens.
  const auto catalog = shell.folder / "stormed";
  fs::copy(shell.folder / "catalog", catalog, fs::copy_options::recursive);
  std::mt19937 random(11);
  const auto below = [&](int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(random); };
  const auto id = [&] { return fmt::format("models/m{}", below(20)); };
  const auto is_kept = [](int i) { return i % 2 == 0; };
  const auto task = [&]() -> std::vector<std::string> {
    const auto one = id();
    switch (below(5)) {
      case 0: return {"batch", config};
      case 1: return {"remove", fmt::format("models/m{}", below(10) * 2 + 1)};
      case 2: return {"list"};
      case 3: return {"find", "--type", "attention"};
      default: return {"register", one, (shell.folder / one).string()};
    }
  };
  std::set<pid_t> running;
  int started = 0, killed = 0;
  while (started < 600) {
    while (running.size() < 8) running.insert((++started, start(task(), catalog, shell.folder.path())));
    if (below(3) == 0) {
      ::kill(*std::next(running.begin(), below(static_cast<int>(running.size()))), SIGKILL);
      ++killed;
    }
    int status = 0;
    running.erase(::waitpid(-1, &status, 0));
    if (WIFEXITED(status)) {
      CAPTURE(WEXITSTATUS(status));
      REQUIRE((WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 6));  // 6: removed already, or by others
    } else {
      REQUIRE(WTERMSIG(status) == SIGKILL);
    }
  }
  for (const auto child : running) ::waitpid(child, nullptr, 0);
  CHECK(killed > 100);
  for (const auto& [name, text] : specs_in(catalog)) {
    CAPTURE(name);
    REQUIRE(whole.at(name) == text);
  }
  for (int i = 0; i < 20; ++i) {
    CAPTURE(i);
    if (is_kept(i)) CHECK(fs::exists(catalog / fmt::format("models__m{}.json", i)));
  }
  // The index says what a look at all files says, and nothing needs a hand.
  const auto listed = json(run_program(garage_binary(), {"list", "--json"}, {{"GARAGE_CATALOG", catalog.string()}}));
  CHECK(listed.at("problems").as_array().empty());
  std::set<std::string> names;
  for (const auto& model : listed.at("models").as_array()) names.insert(garage::safe_id(std::string(model.at("model_id").as_string())) + ".json");
  std::set<std::string> there;
  for (const auto& [name, text] : specs_in(catalog)) there.insert(name);
  CHECK(names == there);
  const auto last = run_program(garage_binary(), {"batch", config}, {{"GARAGE_CATALOG", catalog.string()}, {"HOME", shell.folder.path().string()}});
  INFO(last.out << last.err);
  CHECK(last.code == 0);
  CHECK(specs_in(catalog) == whole);
}
