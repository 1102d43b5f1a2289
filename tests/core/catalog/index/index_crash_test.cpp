// A process that is killed while it writes the index costs nobody an answer, nor the index.
#include <csignal>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "damage.hpp"
#include "small_catalog.hpp"
#include "system_call.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;
namespace fs = std::filesystem;

namespace {

int calls_left = 0;

bool is_last_call() { return calls_left-- == 0; }
void die() { ::raise(SIGKILL); }

ssize_t write_some(int file, const void* bytes, std::size_t size, off_t at) {
  if (!is_last_call()) return ::pwrite(file, bytes, size, at);
  [[maybe_unused]] const auto written = ::pwrite(file, bytes, size / 2, at);
  die();
  return -1;
}

int unlink_or_die(const char* path) {
  if (is_last_call()) die();
  return ::unlink(path);
}

int truncate_or_die(int file, off_t size) {
  if (is_last_call()) die();
  return ::ftruncate(file, size);
}

// A process that asks the index, and is killed at that call of those that write, in the middle of it. Whether it was:
// else it made fewer.
bool was_killed_at_call(int call, const fs::path& catalog) {
  const auto process = ::fork();
  if (process == 0) {
    calls_left = call;
    const SystemCall write("pwrite", write_some), write64("pwrite64", write_some), unlink("unlink", unlink_or_die),
        truncate("ftruncate", truncate_or_die);
    try {
      ModelRegistry(test_config(catalog)).list_models();
    } catch (...) { ::_exit(1); }
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(process, &status, 0) == process);
  REQUIRE((WIFSIGNALED(status) || WEXITSTATUS(status) == 0));
  return WIFSIGNALED(status);
}

}  // namespace

TEST_CASE("index: a writer may be killed at every write", "[index][crash]") {
  SmallCatalog catalog(40);
  REQUIRE(catalog.answers() == catalog.scan());
  const auto before = catalog.keep();
  for (int i = 0; i < 40; i += 2) catalog.write(i, 40 + i);
  fs::remove(catalog.file(7));
  const auto truth = catalog.scan();
  Damage damage(7);
  int call = 0;
  for (bool killed = true; killed; ++call) {
    catalog.put_back(before);
    killed = was_killed_at_call(call, catalog.place());
    const auto left = catalog.keep();
    CAPTURE(call);
    REQUIRE(catalog.answers() == truth);
    REQUIRE(catalog.notes == std::vector<std::string>());  // the index was not lost
    if (!left.contains("specs.sqlite-journal")) continue;
    for (int i = 0; i < 8; ++i) {  // and then the journal that it left is damaged, or taken away
      auto files = left;
      const auto done = i == 0 ? std::string("removed") : damage.of(files["specs.sqlite-journal"]);
      if (i == 0) files.erase("specs.sqlite-journal");
      catalog.put_back(files);
      CAPTURE(done);
      REQUIRE(catalog.answers() == truth);
    }
  }
  CHECK(call > 20);
}

TEST_CASE("index: who makes it, or makes it anew, may be killed at every write", "[index][crash]") {
  SmallCatalog catalog(10);
  const auto truth = catalog.scan();
  REQUIRE(catalog.answers() == truth);
  auto before = catalog.keep();
  const bool is_anew = GENERATE(false, true);
  if (is_anew) before["specs.sqlite"][5000] ^= 1;
  else before.clear();
  int call = 0;
  for (bool killed = true; killed; ++call) {
    catalog.put_back(before);
    killed = was_killed_at_call(call, catalog.place());
    CAPTURE(call);
    REQUIRE(catalog.answers() == truth);
    REQUIRE(catalog.answers() == truth);
    REQUIRE(catalog.notes == std::vector<std::string>());
  }
  CHECK(call > 20);
}
