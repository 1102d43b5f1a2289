#include <garage/catalog.hpp>

#include <set>
#include <thread>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "as_nobody.hpp"
#include "is_error.hpp"
#include "places.hpp"
#include "temporary_folder.hpp"

using namespace garage;
using namespace garage::test;
using namespace std::string_literals;
namespace fs = std::filesystem;

namespace {

ModelSpec spec_of(const std::string& id, std::int64_t hidden = 4) {
  ModelSpec spec;
  spec.model_id = id;
  spec.family = "test";
  spec.hidden_dim = hidden;
  return spec;
}

}  // namespace

TEST_CASE("catalog: an id's file name is the seed's, where that is safe", "[catalog][id]") {
  struct Case { const char* title; std::string id, name; };
  const auto c = GENERATE(values<Case>({
      {"plain", "gpt2", "gpt2"},
      {"with its owner", "meta-llama/Llama-2-7b-hf", "meta-llama__Llama-2-7b-hf"},
      {"one underscore", "a_b", "a_b"},
      {"two underscores", "a__b", "a%5F%5Fb"},
      {"underscore and slash", "a_/b", "a%5F__b"},
      {"slash and underscore", "a/_b", "a__%5Fb"},
      {"parent", "..", "%2E."},
      {"way out", "../../etc/passwd", "%2E.__..__etc__passwd"},
      {"hidden", ".x", "%2Ex"},
      {"percent", "a%5Fb", "a%255Fb"},
      {"backslash", "a\\b", "a%5Cb"},
      {"line end", "a\nb", "a%0Ab"},
      {"zero byte", "a\0b"s, "a%00b"},
      {"delete", "a\x7f", "a%7F"},
      {"not English", "模型/ä", "模型__ä"},
      {"a space", "a b", "a b"},
  }));
  DYNAMIC_SECTION(c.title) { CHECK(safe_id(c.id) == c.name); }
}

TEST_CASE("catalog: no two ids share a file", "[catalog][id]") {
  // All words of up to five of the characters that could collide.
  const std::string letters = "a/_%.5F";
  std::set<std::string> ids{""}, names;
  for (int length = 0; length < 5; ++length) {
    std::set<std::string> longer;
    for (const auto& id : ids)
      for (const auto c : letters) longer.insert(id + c);
    ids.insert(longer.begin(), longer.end());
  }
  ids.erase("");
  for (const auto& id : ids) {
    const auto name = safe_id(id);
    CHECK(name.find('/') == name.npos);
    CHECK(name.front() != '.');
    names.insert(name);
  }
  CHECK(names.size() == ids.size());
}

TEST_CASE("catalog: an id of 4,000 characters is kept, and is not another one", "[catalog][id]") {
  const TemporaryFolder folder;
  const Catalog catalog(folder / "c");
  const std::string a(4000, 'x'), b = std::string(3999, 'x') + "y";
  CHECK(safe_id(a).size() <= 200);
  CHECK(safe_id(a) != safe_id(b));
  catalog.save(spec_of(a, 1));
  catalog.save(spec_of(b, 2));
  CHECK(catalog.load(a)->hidden_dim == 1);
  CHECK(catalog.load(b)->hidden_dim == 2);
  CHECK(catalog.list().models.size() == 2);
}

TEST_CASE("catalog: an id that names nothing is refused", "[catalog][id]") {
  CHECK_THROWS_MATCHES(safe_id(""), Error, is_error(Errc::kInvalidArgument, "must not be empty"));
  CHECK_THROWS_MATCHES(safe_id("a\xff"), Error, is_error(Errc::kInvalidArgument, "must be UTF-8"));
  CHECK_THROWS_MATCHES(safe_id("\xc0\x80"), Error, is_error(Errc::kInvalidArgument, "must be UTF-8"));
  CHECK_THROWS_MATCHES(safe_id("\xed\xa0\x80"), Error, is_error(Errc::kInvalidArgument, "must be UTF-8"));
}

TEST_CASE("catalog: what is saved is there, and what is removed is gone", "[catalog]") {
  const TemporaryFolder folder;
  const Catalog catalog(folder / "deep/er");
  CHECK(catalog.list().models.empty());
  CHECK_FALSE(catalog.load("a/b").has_value());
  CHECK_FALSE(catalog.remove("a/b"));
  const std::vector<std::string> ids = {"a/b", "a__b", "..", "a\nb", "a\0b"s};
  for (const auto& id : ids) catalog.save(spec_of(id));
  for (const auto& id : ids) CHECK(catalog.load(id)->model_id == id);
  CHECK(catalog.list().models.size() == ids.size());
  CHECK(catalog.list().problems.empty());
  catalog.save(spec_of("a/b", 8));
  CHECK(catalog.load("a/b")->hidden_dim == 8);
  CHECK(catalog.remove("a/b"));
  CHECK_FALSE(catalog.load("a/b").has_value());
  CHECK(catalog.load("a__b").has_value());
}

TEST_CASE("catalog: the seed's own files are found", "[catalog][seed]") {
  const TemporaryFolder folder;  // an index is made in it
  fs::copy(test_data("seed"), folder.path(), fs::copy_options::recursive);
  const Catalog catalog(folder.path());
  const auto listing = catalog.list();
  CHECK(listing.models.size() == 8);
  CHECK(listing.problems.empty());
  CHECK(catalog.load("reference/gpt2")->parts.size() == 19);
}

TEST_CASE("catalog: a file that is no spec is reported, skipped, and not overwritten", "[catalog][broken]") {
  struct Case { const char* title; std::string text; Errc code; const char* says; };
  const auto c = GENERATE(values<Case>({
      {"half-written", write_spec(spec_of("bad")).substr(0, 40), Errc::kCorrupt, "bad.json: not valid JSON"},
      {"empty", "", Errc::kCorrupt, "bad.json: not valid JSON at line 1, column 1: it is empty"},
      {"something else", "{}", Errc::kCorrupt, "bad.json: has no"},
      {"zeros", std::string(100, '\0'), Errc::kCorrupt, "bad.json: not valid JSON"},
      {"a later version", R"({"schema": "garage.spec/3", "model_id": "bad"})", Errc::kUnsupported, "schema is 'garage.spec/3'"},
  }));
  DYNAMIC_SECTION(c.title) {
    const TemporaryFolder folder;
    const Catalog catalog(folder.path());
    catalog.save(spec_of("good"));
    write_text(folder / "bad.json", c.text);
    const auto listing = catalog.list();
    CHECK(listing.models.size() == 1);
    REQUIRE(listing.problems.size() == 1);
    CHECK(listing.problems[0].path == (folder / "bad.json").string());
    CHECK_THROWS_MATCHES(catalog.load("bad"), Error, is_error(c.code, c.says));
    CHECK_THROWS_MATCHES(catalog.save(spec_of("bad")), Error, is_error(c.code, "It is not overwritten; remove it to register 'bad'"));
    CHECK(read_text(folder / "bad.json") == c.text);
    CHECK(catalog.remove("bad"));
    CHECK_NOTHROW(catalog.save(spec_of("bad")));
  }
}

TEST_CASE("catalog: a file that holds another model is reported, and made anew by the next registration of its own", "[catalog][broken]") {
  const TemporaryFolder folder;
  const Catalog catalog(folder.path());
  catalog.save(spec_of("good"));
  write_text(folder / "own.json", write_spec(spec_of("good")));
  const auto listing = catalog.list();
  CHECK(listing.models.size() == 1);
  REQUIRE(listing.problems.size() == 1);
  CHECK_THAT(listing.problems[0].message, Catch::Matchers::ContainsSubstring("own.json: holds model 'good', whose file is good.json; registering the model that belongs here makes it anew"));
  CHECK_THROWS_MATCHES(catalog.load("own"), Error, is_error(Errc::kCorrupt, "holds model 'good'"));
  CHECK(catalog.save(spec_of("own", 7)));
  CHECK(catalog.load("own")->hidden_dim == 7);
  CHECK(catalog.list().problems.empty());
  CHECK(catalog.load("good")->hidden_dim == 4);
}

TEST_CASE("catalog: what others leave in its folder is not looked at", "[catalog]") {
  const TemporaryFolder folder;
  write_text(folder / ".writing-1-2", "{");
  write_text(folder / "notes.txt", "x");
  const auto listing = Catalog(folder.path()).list();
  CHECK(listing.models.empty());
  CHECK(listing.problems.empty());
}

TEST_CASE("catalog: a folder that cannot be used is an I/O error, not an empty catalog", "[catalog][broken]") {
  const TemporaryFolder folder;
  write_text(folder / "file", "x");
  CHECK_THROWS_MATCHES(Catalog(folder / "file").list(), Error, is_error(Errc::kIo, "file: the catalog cannot be read"));
  CHECK_THROWS_MATCHES(Catalog(folder / "file").save(spec_of("a")), Error, is_error(Errc::kIo, "file: cannot be made"));
  fs::create_directory(folder / "c");
  fs::create_directory(folder / "c/a.json");
  CHECK_THROWS_MATCHES(Catalog(folder / "c").load("a"), Error, is_error(Errc::kIo, "a.json: is no regular file"));
}

TEST_CASE("catalog: what may not be read is told, by file", "[catalog][broken]") {
  const TemporaryFolder folder;
  const Catalog catalog(folder.path());
  catalog.save(spec_of("a"));
  fs::permissions(folder.path(), fs::perms::all);
  fs::permissions(folder / "a.json", fs::perms::none);
  {
    const AsNobody unprivileged;
    CHECK_THROWS_MATCHES(catalog.load("a"), Error, is_error(Errc::kIo, "a.json: cannot be opened: Permission denied"));
    REQUIRE(catalog.list().problems.size() == 1);
    CHECK_THAT(catalog.list().problems[0].message, Catch::Matchers::ContainsSubstring("Permission denied"));
  }
  fs::permissions(folder.path(), fs::perms::none);
  const AsNobody unprivileged;
  CHECK_THROWS_MATCHES(catalog.list(), Error, is_error(Errc::kIo, "the catalog cannot be read: Permission denied"));
  CHECK_THROWS_MATCHES(catalog.load("a"), Error, is_error(Errc::kIo, "Permission denied"));
  CHECK_THROWS_MATCHES(catalog.save(spec_of("b")), Error, is_error(Errc::kIo, "Permission denied"));
}

TEST_CASE("catalog: readers see a whole file while writers replace it", "[catalog][threads]") {
  const TemporaryFolder folder;
  const Catalog catalog(folder.path());
  catalog.save(spec_of("m", 1));
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (int i = 1; i <= 50; ++i) catalog.save(spec_of("m", i));
    done = true;
  });
  while (!done) CHECK(catalog.load("m")->hidden_dim >= 1);
  writer.join();
  CHECK(catalog.load("m")->hidden_dim == 50);
  CHECK(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()) == 1);
}
