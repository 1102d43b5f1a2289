// What is wrong with one entry, or with one model that it names, is told of that one and disturbs no other.
#include <garage/batch.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <garage/path_text.hpp>

#include "as_nobody.hpp"
#include "entries.hpp"
#include "is_error.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

// A store of one good model, and what tests put beside it.
struct Store {
  TemporaryFolder folder;

  Store() { copy("gpt2", "models/good"); }

  void copy(const std::string& variant, const fs::path& to) const {
    fs::create_directories((folder.path() / to).parent_path());
    fs::copy(reference(variant), folder.path() / to, fs::copy_options::recursive);
  }
  std::vector<ModelEntry> entries(const std::vector<std::string>& yaml) const {
    std::vector<ModelEntry> made;
    for (const auto& each : yaml) made.push_back(entry_of(each, folder.path()));
    return made;
  }
  BatchModels find(const std::vector<std::string>& yaml) const { return find_models(entries(yaml)); }
  BatchModel one(const std::vector<std::string>& yaml, const std::string& id) const {
    return find_model(entries(yaml), id, [](const char*) { return std::nullopt; });
  }
  BatchReport run(const std::vector<std::string>& yaml) const {
    ModelRegistry registry(test_config(folder / "catalog"));
    return run_batch(registry, find(yaml));
  }
};

}  // namespace

TEST_CASE("entries: a bad one fails by itself, and the good models beside it are registered", "[batch][entries][broken]") {
  struct Case {
    const char* title;
    void (*make)(const Store&);
    std::vector<std::string> entries;
    std::string id;  // of the one failure
    Errc code;
    std::string says;
  };
  const std::string glob = "{glob: \"models/*\"}";
  const auto c = GENERATE_COPY(values<Case>({
      {"a folder whose name is not UTF-8", [](const Store& s) { s.copy("llama-2", "models/caf\xE9"); }, {glob}, "models/caf%E9",
       Errc::kInvalidArgument, "/models/*: a model id must be UTF-8, is 'models/caf%E9'; name it by {id: ..., path: file:///"},
      {"in a folder whose name is not UTF-8", [](const Store& s) { s.copy("llama-2", "caf\xE9/m"); }, {glob, "{glob: \"caf?/*\"}"}, "caf%E9/m",
       Errc::kInvalidArgument, "/caf%E9/m}"},
      {"a link that leads nowhere", [](const Store& s) { fs::create_symlink("/gone/model", s.folder / "models/gone"); }, {glob}, "models/gone",
       Errc::kNotFound, "/models/gone: is a link that leads nowhere"},
      {"a link to itself", [](const Store& s) { fs::create_symlink("loop", s.folder / "models/loop"); }, {glob}, "models/loop",
       Errc::kIo, "/models/loop"},
      {"an id that two entries give", [](const Store& s) { s.copy("llama-2", "a"); s.copy("gpt2", "b"); }, {glob, "{id: x, path: a}", "{id: x, path: b}"}, "x",
       Errc::kInvalidArgument, "id 'x' is given twice: by the entry 'x' for /"},
      {"an id that three entries give", [](const Store& s) { s.copy("llama-2", "a"); s.copy("gpt2", "b"); s.copy("gpt2", "c"); },
       {glob, "{id: x, path: a}", "{id: x, path: b}", "{glob: \"c\", id: x}"}, "x", Errc::kInvalidArgument, "and by the glob"},
      {"a line of a list without a path", [](const Store& s) { write_text(s.folder / "list.txt", "me/one\n"); }, {glob, "{list: list.txt}"}, "me/one",
       Errc::kInvalidArgument, "/list.txt:1: should be an id and a path, is 'me/one'"},
      {"a line of a list with an id that is not UTF-8", [](const Store& s) { write_text(s.folder / "list.txt", "caf\xE9 models/good\n"); },
       {glob, "{list: list.txt}"}, "caf%E9", Errc::kInvalidArgument, "/list.txt:1: a model id must be UTF-8, is 'caf%E9'; name it by {id: ..., path: /"},
      {"a line of a list with a host", [](const Store& s) { write_text(s.folder / "list.txt", "a file://host/x\n"); }, {glob, "{list: list.txt}"}, "a",
       Errc::kInvalidArgument, "/list.txt:1: is 'file://host/x', which names a host"},
      {"a line of a list with a NUL", [](const Store& s) { write_text(s.folder / "list.txt", std::string_view("a models/good\0x\n", 16)); },
       {glob, "{list: list.txt}"}, "a", Errc::kInvalidArgument, "/list.txt:1: has a NUL byte"},
      {"a list that is not there", [](const Store&) {}, {glob, "{list: none.txt}"}, "/none.txt", Errc::kNotFound, "/none.txt: cannot be opened"},
      {"a list that is a folder", [](const Store&) {}, {glob, "{list: models}"}, "/models", Errc::kIo, "/models: is no regular file"},
      {"a hub cache that is not there", [](const Store&) {}, {glob, "{hub_cache: none}"}, "/none", Errc::kNotFound, "/none: the hub cache cannot be read"},
      {"a hub cache that is a file", [](const Store& s) { write_text(s.folder / "hub", "x"); }, {glob, "{hub_cache: hub}"}, "/hub", Errc::kIo,
       "/hub: the hub cache cannot be read: Not a directory"},
      {"a hub cache's folder without a name", [](const Store& s) { hub_model(s.folder / "hub", "models--", "gpt2", "aaa"); }, {glob, "{hub_cache: hub}"},
       "/hub/models--/snapshots/aaa", Errc::kInvalidArgument, "a model id must not be empty; name it by {id: ..., path: /"},
      {"a hub cache's folder whose name is not UTF-8", [](const Store& s) { hub_model(s.folder / "hub", "models--org--caf\xE9", "gpt2", "aaa"); },
       {glob, "{hub_cache: hub}"}, "org/caf%E9", Errc::kInvalidArgument, "a model id must be UTF-8, is 'org/caf%E9'; name it by {id: ..., path: file:///"},
      {"such a folder without a snapshot", [](const Store& s) { fs::create_directories(s.folder / "hub/models--caf\xE9"); }, {glob, "{hub_cache: hub}"},
       "caf%E9", Errc::kNotFound, "/hub/models--caf%E9: revision 'main' is not in the cache"},
      {"a hub cache's file in a model's place", [](const Store& s) { write_text(s.folder / "hub/models--org--file", "x"); }, {glob, "{hub_cache: hub}"},
       "org/file", Errc::kNotFound, "revision 'main' is not in the cache"},
      {"a hub cache's ref that no folder can be", [](const Store& s) { hub_model(s.folder / "hub", "models--long", "gpt2", "aaa"); write_text(s.folder / "hub/models--long/refs/main", std::string(300, 'a')); },
       {glob, "{hub_cache: hub}"}, "long", Errc::kIo, "File name too long"},
      {"a hub cache's ref with a NUL", [](const Store& s) { hub_model(s.folder / "hub", "models--m", "gpt2", "aaa"); write_text(s.folder / "hub/models--m/refs/main", std::string_view("aaa\0x", 5)); },
       {glob, "{hub_cache: hub}"}, "m", Errc::kNotFound, "revision 'main' is not in the cache"},
  }));
  DYNAMIC_SECTION(c.title) {
    const Store store;
    c.make(store);
    const auto report = store.run(c.entries);
    CHECK(report.registered == 1);
    REQUIRE(report.failed.size() == 1);
    const auto& failure = report.failed[0];
    CHECK(failure.id == (c.id.starts_with('/') ? store.folder.path().string() + c.id : c.id));
    CHECK(static_cast<Errc>(failure.code) == c.code);
    CHECK_THAT(failure.reason, ContainsSubstring(c.says));
    CHECK_FALSE(failure.path.empty());
    // A model that is none of theirs is found as if they were not there.
    CHECK(store.one(c.entries, "models/good").path == store.folder / "models/good");
    CHECK_FALSE(store.one(c.entries, "models/good").problem);
  }
}

TEST_CASE("entries: a label is no id, and takes none away", "[batch][entries][broken]") {
  const Store store;
  store.copy("llama-2", "a/caf\xE9");
  store.copy("llama-2", "b/caf\xE9");
  store.copy("gpt2", "c/caf%E9");
  const auto report = store.run({"{glob: \"?/*\", id: \"{name}\"}"});
  CHECK(report.registered == 1);
  REQUIRE(report.failed.size() == 2);
  CHECK(report.failed[0].id == "caf%E9");
  CHECK(report.failed[1].id == "caf%E9");
  CHECK(ModelRegistry(test_config(store.folder / "catalog")).get_spec("caf%E9")->family == "gpt2");
}

TEST_CASE("entries: what is named as the failure says is registered, runs on and is forgotten like any other", "[batch][entries][path]") {
  const Store store;
  store.copy("llama-2", "models/caf\xE9");
  const auto path = path_text(store.folder / "models/caf\xE9");
  REQUIRE(path.ends_with("/models/caf%E9"));
  write_text(store.folder / "list.txt", "me/listed " + path + "\nme/bytes models/caf\xE9\n");
  const std::vector<std::string> entries{"{id: me/named, path: \"" + path + "\"}", "{list: list.txt}"};
  const auto found = store.find(entries);
  REQUIRE(found.models.size() == 3);
  for (const auto& model : found.models) CHECK(model.path == store.folder / "models/caf\xE9");
  CHECK(store.run(entries).registered == 3);
  ModelRegistry registry(test_config(store.folder / "catalog"));
  CHECK(registry.get_spec("me/named")->source.path == store.folder / "models/caf\xE9");
  // The second look passes over it as over others, once its times are old enough.
  for (const auto& file : fs::directory_iterator(store.folder / "models/caf\xE9"))
    fs::last_write_time(file, fs::file_time_type::clock::now() - std::chrono::hours(1));
  store.run(entries);
  CHECK(store.run(entries).unchanged == 3);
}

TEST_CASE("entries: names of any length and with any characters are ids, if they are UTF-8", "[batch][entries]") {
  const Store store;
  const std::string longest(255, 'x');
  store.copy("gpt2", "models/" + longest);
  store.copy("gpt2", "models/a\nb\x1b[2J");
  store.copy("gpt2", "models/café €");
  store.copy("gpt2", "models/..a");
  const auto report = store.run({"{glob: \"models/{*,..*}\"}"});
  CHECK(report.failed.empty());
  CHECK(report.registered == 5);
}

TEST_CASE("entries: what a glob may not look into is told", "[batch][entries][broken]") {
  const Store store;
  store.copy("llama-2", "secret/model");
  fs::permissions(store.folder.path(), fs::perms::all);
  fs::permissions(store.folder / "secret", fs::perms::none);
  {
    const AsNobody unprivileged;
    const auto found = store.find({"{glob: \"*/*\"}"});
    CHECK(found.models.size() == 1);
    REQUIRE(found.oddities.size() == 1);
    CHECK(found.oddities[0] == (store.folder / "secret").string() + ": cannot be searched: Permission denied");
  }
  fs::permissions(store.folder / "secret", fs::perms::owner_all);
}

TEST_CASE("entries: a glob without end is refused before anything is looked at", "[batch][entries][bomb]") {
  const auto repeated = [](int count, std::string_view text) {
    std::string all;
    for (int i = 0; i < count; ++i) all += text;
    return all;
  };
  struct Case { const char* title; std::string glob; const char* says; };
  const auto c = GENERATE_COPY(values<Case>({
      {"braces that double", repeated(40, "{a,b}"), "stands for more than 10000 patterns: its braces multiply"},
      {"one more than is tried", repeated(4, "{a,b,c,d,e,f,g,h,i,j}") + "{k,l}", "stands for more than 10000 patterns"},
      {"braces in braces", "{" + repeated(14, "{a,b}") + "," + repeated(14, "{c,d}") + "}", "stands for more than 10000 patterns"},
      {"very many braces of one", repeated(1000, "{a}"), "has 1000 braces, at most 100 are tried"},
      {"braces within each other", std::string(1000, '{'), "has 1000 braces, at most 100 are tried"},
      {"folders without end", repeated(20'000, "*/"), "goes more than 200 folders deep"},
      {"folders in a brace that is not closed", "{" + repeated(300, "a,*/"), "goes more than 200 folders deep"},
      {"a long one", std::string(70'000, 'a'), "has 70001 bytes, at most 65536 are tried"},
  }));
  DYNAMIC_SECTION(c.title) {
    ModelEntry entry;
    entry.glob = "/" + c.glob;
    const auto found = find_models({entry});
    REQUIRE(found.models.size() == 1);
    REQUIRE(found.models[0].problem);
    CHECK(found.models[0].problem->code() == Errc::kInvalidArgument);
    CHECK_THAT(found.models[0].problem->what(), ContainsSubstring(c.says));
  }
}

TEST_CASE("entries: braces that people write are tried", "[batch][entries]") {
  const Store store;
  store.copy("llama-2", "models/other");
  const auto glob = GENERATE("{glob: \"models/{good,other}\"}", "{glob: \"mod{els,{le,l}s}/{go,oth}{od,er}\"}", "{glob: \"{,./}models/{good,other,none}\"}");
  CAPTURE(glob);
  CHECK(store.find({glob}).models.size() == 2);
}

TEST_CASE("entries: a hub cache's snapshot that leads out of it is told, wherever the link is", "[batch][entries][hub]") {
  struct Case { const char* title; const char* link; const char* target; };
  const auto c = GENERATE(values<Case>({
      {"the snapshot", "models--m/snapshots/aaa", "outside/snapshots/aaa"},
      {"the snapshot, to what is not there", "models--m/snapshots/aaa", "nowhere"},
      {"the snapshot, by another link in the cache", "models--m/snapshots/aaa", "hub/hop"},
      {"the folder of snapshots", "models--m/snapshots", "outside/snapshots"},
      {"the model's folder", "models--m", "outside"},
      {"a file", "models--m/snapshots/aaa/model.safetensors", "outside/snapshots/aaa/model.safetensors"},
      {"a file, to what is not there", "models--m/snapshots/aaa/extra.json", "nowhere"},
      {"a folder in it", "models--m/snapshots/aaa/sub", "outside"},
  }));
  DYNAMIC_SECTION(c.title) {
    const Store store;
    hub_model(store.folder / "hub", "models--m", "gpt2", "aaa");
    store.copy("gpt2", "outside/snapshots/aaa");
    write_text(store.folder / "outside/refs/main", "aaa");
    fs::create_symlink(store.folder / "outside/snapshots/aaa", store.folder / "hub/hop");
    const auto link = store.folder / "hub" / c.link;
    fs::remove_all(link);
    fs::create_symlink(store.folder / c.target, link);
    const auto report = store.run({"{hub_cache: hub}"});
    CHECK(report.registered == 0);
    REQUIRE(report.failed.size() == 1);
    CHECK(report.failed[0].id == "m");
    CHECK_THAT(report.failed[0].reason, ContainsSubstring(": leads out of the cache, to " + store.folder.path().string()));
    CHECK(store.one({"{hub_cache: hub}"}, "m").problem);
  }
}

TEST_CASE("entries: links within a hub cache are what it is made of", "[batch][entries][hub]") {
  const Store store;
  hub_model(store.folder / "elsewhere/hub", "models--m", "gpt2", "aaa");
  fs::create_symlink("aaa", store.folder / "elsewhere/hub/models--m/snapshots/bbb");
  fs::create_symlink("models--m", store.folder / "elsewhere/hub/models--twin");
  fs::create_directory_symlink(store.folder / "elsewhere/hub", store.folder / "hub");  // the cache itself may be one
  CHECK(store.run({"{hub_cache: hub, revision: bbb}"}).registered == 2);
}

TEST_CASE("entries: one model is looked for only where it may be", "[batch][entries]") {
  const Store store;
  store.copy("llama-2", "models/other");
  hub_model(store.folder / "hub", "models--org--gpt", "gpt2", "aaa");
  hub_model(store.folder / "hub", "models--org--broken", "gpt2", "aaa");
  write_text(store.folder / "hub/models--org--broken/refs/main", "bbb");
  write_text(store.folder / "list.txt", "me/one models/good\nme/half\n");
  const std::vector<std::string> all{"{glob: \"models/*\"}", "{hub_cache: hub}", "{list: list.txt}", "{list: none.txt}", "{id: x, path: models/other}", "{glob: \"models/other\", id: x}"};
  CHECK(store.one(all, "org/gpt").path == store.folder / "hub/models--org--gpt/snapshots/aaa");
  CHECK(store.one(all, "me/one").path == store.folder / "models/good");
  CHECK(store.one(all, "x").path == store.folder / "models/other");
  // Its own faults are told.
  CHECK_THAT(store.one(all, "org/broken").problem->what(), ContainsSubstring("revision 'main' is not in the cache"));
  CHECK_THAT(store.one(all, "me/half").problem->what(), ContainsSubstring("list.txt:2: should be an id and a path"));
  CHECK_THAT(store.one({"{glob: \"models/good\", id: x}", "{glob: \"models/other\", id: x}"}, "x").problem->what(), ContainsSubstring("id 'x' is given twice"));
  // And of what could not be read where it is nowhere else.
  CHECK_THROWS_MATCHES(store.one(all, "me/none"), Error, is_error(Errc::kNotFound, "/none.txt: cannot be opened"));
  CHECK_THROWS_MATCHES(store.one({"{glob: \"models/*\"}"}, "me/none"), Error, is_error(Errc::kNotFound, "'me/none' is neither among the config's models nor in"));
  CHECK_THROWS_MATCHES(store.one(all, "caf\xE9"), Error, is_error(Errc::kInvalidArgument, "a model id must be UTF-8, is 'caf%E9'"));
  CHECK_THROWS_MATCHES(store.one(all, ""), Error, is_error(Errc::kInvalidArgument, "a model id must not be empty"));
  // Not by the folder that another id has.
  CHECK_THROWS_MATCHES(store.one({"{hub_cache: hub}"}, "org--gpt"), Error, is_error(Errc::kNotFound, "'org--gpt' is neither"));
}
