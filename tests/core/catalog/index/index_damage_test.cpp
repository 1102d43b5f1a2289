// Whatever is done to the files of the index, it answers what a scan answers, and never needs a hand.
#include <stdexcept>
#include <utility>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "as_nobody.hpp"
#include "damage.hpp"
#include "small_catalog.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;
namespace fs = std::filesystem;

TEST_CASE("index: after each of 1,000 random damages it answers what a scan answers", "[index][damage]") {
  SmallCatalog catalog;
  const auto truth = catalog.scan();
  REQUIRE(catalog.answers() == truth);
  const auto whole = catalog.keep();
  REQUIRE(whole.size() == 3);
  Damage damage(14);
  for (int i = 0; i < 1000; ++i) {
    auto files = whole;
    // Mostly the database, which is the largest.
    const auto victim = std::next(files.begin(), damage.upto(5) == 0 ? 1 + static_cast<int>(damage.upto(1)) : 0);
    const auto done = damage.of(victim->second);
    catalog.put_back(files);
    CAPTURE(i, victim->first, done);
    REQUIRE(catalog.answers() == truth);
  }
}

TEST_CASE("index: what stands in the place of its files is removed", "[index][damage]") {
  struct Case { const char* title; void (*put)(const fs::path&); };
  const auto c = GENERATE(values<Case>({
      {"a folder with something in it", [](const fs::path& path) { write_text(path / "deep/er", "x"); }},
      {"a pipe", [](const fs::path& path) { ::mkfifo(path.c_str(), 0666); }},
      {"a link that leads nowhere", [](const fs::path& path) { fs::create_symlink("/nowhere/at/all", path); }},
      {"a link to itself", [](const fs::path& path) { fs::create_symlink(path, path); }},
      {"a link to a device", [](const fs::path& path) { fs::create_symlink("/dev/zero", path); }},
      {"a link to a file", [](const fs::path& path) { fs::create_symlink("/etc/passwd", path); }},
  }));
  const auto* ending = GENERATE("", "-journal", "-sums0", "-sums1", "-wal", ".index");
  DYNAMIC_SECTION(c.title << " for " << ending) {
    SmallCatalog catalog(3);
    const auto truth = catalog.scan();
    REQUIRE(catalog.answers() == truth);
    const auto path = ending == std::string(".index") ? catalog.place() / ".index" : catalog.index(ending);
    fs::remove_all(path);
    c.put(path);
    std::error_code code;
    const bool is_fine = path.filename() == ".index" && fs::is_directory(path, code);
    {
      fs::permissions(catalog.place(), fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec);
      const AsNobody unprivileged;  // who may remove nothing
      CHECK(catalog.answers() == truth);
    }
    CHECK(catalog.answers() == truth);
    CHECK(catalog.notes.empty() == is_fine);
    CHECK(catalog.answers() == truth);
    CHECK(catalog.notes == std::vector<std::string>());
    CHECK(fs::is_regular_file(fs::symlink_status(catalog.index())));
  }
}

TEST_CASE("index: pages of an older commit are not believed", "[index][damage]") {
  SmallCatalog catalog(30);
  REQUIRE(catalog.answers() == catalog.scan());
  const auto older = catalog.keep();
  for (int i = 0; i < 30; ++i) catalog.write(i, 40 + i);
  const auto truth = catalog.scan();
  REQUIRE(catalog.answers() == truth);
  const auto newer = catalog.keep();
  const auto& old_bytes = older.at("specs.sqlite");
  constexpr std::size_t kPage = 16384;
  for (std::size_t at = 0; at < old_bytes.size(); at += kPage) {
    for (const bool all_but_one : {false, true}) {
      CAPTURE(at, all_but_one);
      auto files = all_but_one ? older : newer;
      const auto& other = (all_but_one ? newer : older).at("specs.sqlite");
      files["specs.sqlite"].replace(at, kPage, other, at, kPage);
      for (const auto& sums : {older, newer}) {
        for (const auto* ending : {"specs.sqlite-sums0", "specs.sqlite-sums1"}) files[ending] = sums.at(ending);
        catalog.put_back(files);
        REQUIRE(catalog.answers() == truth);
      }
    }
  }
  catalog.put_back(older);  // whole, and so it is one that may be brought up to date
  CHECK(catalog.answers() == truth);
  CHECK(catalog.notes == std::vector<std::string>());
}

TEST_CASE("index: what another program wrote into it is not believed", "[index][damage]") {
  SmallCatalog catalog(5);
  const auto truth = catalog.scan();
  REQUIRE(catalog.answers() == truth);
  const auto* sql = GENERATE("UPDATE spec SET hidden_dim = hidden_dim + 1", "DELETE FROM part WHERE names = 'norm'",
                             "UPDATE kind SET part_type = 'attention'", "DELETE FROM spec", "DROP TABLE kind",
                             "DROP INDEX spec_by_id", "UPDATE part SET names = 'norm'", "VACUUM",
                             "PRAGMA journal_mode = WAL; UPDATE spec SET family = 'none'",
                             "ALTER TABLE spec RENAME TO model; CREATE TABLE spec (id TEXT)");
  DYNAMIC_SECTION(sql) {
    sqlite3* database = nullptr;
    REQUIRE(sqlite3_open(catalog.index().c_str(), &database) == SQLITE_OK);
    CHECK(sqlite3_exec(database, sql, nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(database);
    CHECK(catalog.answers() == truth);
    CHECK(catalog.notes.size() == 1);
    CHECK(catalog.answers() == truth);
    CHECK(catalog.notes == std::vector<std::string>());
  }
}

TEST_CASE("index: another database in its place is not believed", "[index][damage]") {
  SmallCatalog catalog(5);
  const auto truth = catalog.scan();
  const auto* sql = GENERATE("PRAGMA user_version = 3; CREATE TABLE other (a)",
                             "PRAGMA user_version = 3; CREATE TABLE spec (id TEXT); CREATE TABLE folder (a)",
                             "PRAGMA page_size = 65536; PRAGMA user_version = 3; CREATE TABLE other (a)",
                             "PRAGMA page_size = 512; PRAGMA user_version = 3; CREATE TABLE other (a)",
                             "PRAGMA page_size = 16384; PRAGMA user_version = 3; CREATE VIEW spec AS SELECT 1",
                             "PRAGMA encoding = 'UTF-16'; PRAGMA auto_vacuum = FULL; CREATE TABLE other (a)");
  DYNAMIC_SECTION(sql) {
    const bool had_index = GENERATE(false, true);
    if (had_index) REQUIRE(catalog.answers() == truth);
    fs::create_directory(catalog.place() / ".index");
    fs::remove(catalog.index());
    sqlite3* database = nullptr;
    REQUIRE(sqlite3_open(catalog.index().c_str(), &database) == SQLITE_OK);
    CHECK(sqlite3_exec(database, sql, nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(database);
    CHECK(catalog.answers() == truth);
    CHECK(catalog.notes.size() == 1);
    CHECK(catalog.answers() == truth);
    CHECK(catalog.notes == std::vector<std::string>());
  }
}

TEST_CASE("index: another catalog's index is brought up to date", "[index][damage]") {
  SmallCatalog catalog(5), other(9);
  REQUIRE(catalog.answers() == catalog.scan());
  REQUIRE(other.answers() == other.scan());
  other.put_back(catalog.keep());
  CHECK(other.answers() == other.scan());
}

TEST_CASE("index: a long question notices that the index was made anew meanwhile", "[index][damage]") {
  // Both are stopped after their first step, where SQLite cannot tell the two databases apart by what it looks at.
  constexpr int kSteps = 2100;  // models: more than are read in one
  SmallCatalog catalog(0);
  for (int i = 0; i < kSteps; ++i) write_text(catalog.place() / fmt::format("m{}.json", i), "{}");
  for (int i = 0; i < 9; ++i) catalog.write(i, 16);
  const auto interrupt = [](std::size_t, std::size_t) { throw std::runtime_error("enough"); };
  const bool at_the_end = GENERATE(false, true);
  bool is_whole = true;
  const ModelRegistry patient(test_config(catalog.place()), {.progress = [&](std::size_t done, std::size_t of) {
    if ((done == of) != at_the_end || !std::exchange(is_whole, false)) return;
    auto bytes = read_text(catalog.index());
    bytes[bytes.size() / 2] ^= 1;
    write_text(catalog.index(), bytes);
    for (int i = 0; i < 9; ++i) catalog.write(i, 32);
    CHECK_THROWS_AS(ModelRegistry(test_config(catalog.place()), {.progress = interrupt}).list_models(), std::runtime_error);
  }});
  const auto answer = answered(patient);
  CHECK(answer == catalog.scan());
  CHECK_FALSE(is_whole);
}
