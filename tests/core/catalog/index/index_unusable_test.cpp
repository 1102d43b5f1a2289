// Where the index cannot be written, or not now, the question is answered all the same.
#include <cerrno>
#include <cstdarg>
#include <csignal>
#include <functional>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "as_nobody.hpp"
#include "small_catalog.hpp"
#include "system_call.hpp"

using namespace garage;
using namespace garage::test;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

// A process that was stopped while it used the database.
class StoppedProcess {
 public:
  StoppedProcess(const fs::path& database, const char* sql) : process_(::fork()) {
    if (process_ == 0) {
      sqlite3* opened = nullptr;
      const bool done = sqlite3_open(database.c_str(), &opened) == SQLITE_OK &&
                        sqlite3_exec(opened, sql, nullptr, nullptr, nullptr) == SQLITE_OK;
      ::raise(done ? SIGSTOP : SIGKILL);
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(process_, &status, WUNTRACED);
    REQUIRE(WIFSTOPPED(status));
  }
  StoppedProcess(const StoppedProcess&) = delete;
  StoppedProcess& operator=(const StoppedProcess&) = delete;
  ~StoppedProcess() {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }

 private:
  pid_t process_;
};

constexpr auto kWriter = "BEGIN IMMEDIATE";
constexpr auto kWriterInCommit = "BEGIN EXCLUSIVE";
constexpr auto kReader = "BEGIN; SELECT * FROM sqlite_schema";

int no_locks(int file, int command, ...) {
  if (command == F_SETLK || command == F_SETLKW) return errno = ENOLCK, -1;
  va_list rest;
  va_start(rest, command);
  auto* argument = va_arg(rest, void*);
  va_end(rest);
  return ::fcntl(file, command, argument);
}

ssize_t no_room(int, const void*, std::size_t, off_t) { return errno = ENOSPC, -1; }

}  // namespace

TEST_CASE("index: a process that stopped while it used it does not keep others from an answer", "[index][stopped]") {
  SmallCatalog catalog(5);
  REQUIRE(catalog.answers() == catalog.scan());
  for (const auto* sql : {kWriter, kReader}) {  // while there is nothing to write, they are not noticed
    const StoppedProcess stopped(catalog.index(), sql);
    CHECK(catalog.answers() == catalog.scan());
    CHECK(catalog.notes == std::vector<std::string>());
  }
  catalog.write(0, 64);
  for (const auto* sql : {kWriter, kWriterInCommit, kReader}) {
    const StoppedProcess stopped(catalog.index(), sql);
    CAPTURE(sql);
    CHECK(catalog.list() == scanned_list(catalog.place()));
    REQUIRE(catalog.notes.size() == 1);
    CHECK_THAT(catalog.notes[0], ContainsSubstring("its index is not used: another process holds it and does not go on"));
  }
  CHECK(catalog.answers() == catalog.scan());
  CHECK(catalog.notes == std::vector<std::string>());
}

TEST_CASE("index: a file system that has no locks, or no room, costs the index and no answer", "[index]") {
  struct Case { const char* title; std::function<void(const std::function<void()>&)> with; const char* says; };
  const auto c = GENERATE(values<Case>({
      {"no locks", [](const auto& ask) { const SystemCall call("fcntl", no_locks); ask(); }, "its file system has no locks"},
      {"no room", [](const auto& ask) { const SystemCall call("pwrite64", no_room), other("pwrite", no_room); ask(); }, "database or disk is full"},
  }));
  DYNAMIC_SECTION(c.title) {
    SmallCatalog catalog(5);
    const bool has_index = GENERATE(false, true);
    if (has_index) {
      REQUIRE(catalog.answers() == catalog.scan());
      catalog.write(0, 64);
    }
    c.with([&] {
      CHECK(catalog.answers() == catalog.scan());
      REQUIRE(!catalog.notes.empty());
      CHECK_THAT(catalog.notes[0], ContainsSubstring(c.says));
    });
    CHECK(catalog.answers() == catalog.scan());
    CHECK(catalog.notes == std::vector<std::string>());
  }
}

TEST_CASE("index: who may write the catalog and not its index is answered", "[index]") {
  SmallCatalog catalog(5);
  REQUIRE(catalog.answers() == catalog.scan());
  fs::permissions(catalog.place(), fs::perms::all);
  const auto rights = GENERATE(fs::perms::none, fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec);
  fs::permissions(catalog.place() / ".index", rights);
  const AsNobody unprivileged;
  CHECK(catalog.answers() == catalog.scan());
  catalog.write(5, 64);  // which is new
  CHECK(catalog.answers() == catalog.scan());
  CHECK(catalog.notes.size() > 0);
}
