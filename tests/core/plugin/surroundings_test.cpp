// What a plugin changes around it is put back.
#include <garage/plugin_host.hpp>

#include <cfloat>
#include <clocale>
#include <csignal>
#include <thread>

#include <sys/single_threaded.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>

#include "checkpoint_files.hpp"
#include "run_program.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;
namespace fs = std::filesystem;

namespace {

fs::path fakes(const char* name) { return fs::path(GARAGE_TEST_FAKES) / name; }

Claim ask(const char* fake) {
  PluginSettings settings;
  settings.probe = false;
  settings.folders = {{fakes(fake), "test"}};
  return PluginHost(settings).claims(Model({{"w", DType::kF32, {1}}}), "m").at(0);
}

bool flushes_small_numbers() {
  const volatile double smallest = DBL_MIN;
  return smallest / 2 == 0;
}

bool blocks_interrupts() {
  sigset_t blocked;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
  return ::sigismember(&blocked, SIGINT) == 1;
}

// In a process of its own: 0, or which of them was not put back.
int what_is_left_of(const char* fake) {
  const auto folder = fs::current_path();
  const std::string locale = std::setlocale(LC_ALL, nullptr);
  ::umask(027);
  struct sigaction before;
  ::sigaction(SIGTERM, nullptr, &before);
  if (ask(fake).failed) return 1;
  if (::umask(027) != 027) return 2;
  if (fs::current_path() != folder) return 3;
  if (std::setlocale(LC_ALL, nullptr) != locale) return 4;
  struct sigaction action;
  ::sigaction(SIGTERM, nullptr, &action);
  if (action.sa_handler != before.sa_handler) return 5;
  if (blocks_interrupts()) return 6;
  if (flushes_small_numbers()) return 7;
  return 0;
}

}  // namespace

TEST_CASE("surroundings: in a process of one thread all is put back", "[plugin][surroundings]") {
  if (!__libc_single_threaded) SKIP("this process has had several threads");
  for (const auto* fake : {"meddles", "flushes"}) {
    INFO(fake);
    const auto child = ::fork();
    if (child == 0) {
      int left = 9;
      try {
        left = what_is_left_of(fake);
      } catch (const std::exception&) {}
      ::_exit(left);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
  }
}

TEST_CASE("surroundings: whatever other threads there are, a thread's own is put back", "[plugin][surroundings]") {
  std::thread other([] {
    CHECK_FALSE(ask("blocks").failed);
    CHECK_FALSE(blocks_interrupts());
    CHECK_FALSE(ask("flushes").failed);
    CHECK_FALSE(flushes_small_numbers());
  });
  other.join();
}

TEST_CASE("surroundings: what a plugin does to umask and folder does not reach the catalog", "[plugin][surroundings][worker]") {
  const TemporaryFolder folder;
  write_checkpoint(folder / "model", R"({"model_type": "odd"})", {{"w", DType::kF32, {1}}});
  write_text(folder / "garage.yaml", "catalog: catalog\n");
  const auto result = run_program("/bin/sh", {"-c", "umask 027; cd \"$1\"; \"$2\" --plugins \"$3\" register m model", "sh",
                                              folder.path().string(), garage_binary().string(), fakes("meddles").string()},
                                  {{"GARAGE_CATALOG", ""}, {"GARAGE_CONFIG", ""}, {"GARAGE_PLUGIN_PATH", ""}});
  INFO(result.err);
  REQUIRE(result.code == 0);
  std::size_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder / "catalog")) {
    INFO(entry.path());
    CHECK((entry.status().permissions() & (fs::perms::others_all | fs::perms::group_write)) == fs::perms::none);
    files += entry.is_regular_file();
  }
  CHECK(files > 0);
}
