// What is wrong with one file of a catalog is that file's problem, and nobody else's.
#include <atomic>
#include <thread>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <garage/find.hpp>

#include "as_nobody.hpp"
#include "run_program.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

ModelSpec spec_of(const std::string& id) {
  ModelSpec spec;
  spec.model_id = id;
  spec.family = "test";
  auto& part = spec.parts.add("norm");
  part.part_type = part_type::kLayerNorm;
  part.input_dim = part.output_dim = 8;
  part.blueprint = Norm{.kind = NormKind::rms, .size = 8, .eps = 1e-6, .weight = TensorRef{"norm.weight", {}}};
  return spec;
}

void write_hole(const fs::path& path, std::uint64_t size) {
  write_text(path, "");
  fs::resize_file(path, size);
}

void make_socket(const fs::path& path) {
  struct sockaddr_un address {};
  address.sun_family = AF_UNIX;
  path.native().copy(address.sun_path, sizeof address.sun_path - 1);
  const int made = ::socket(AF_UNIX, SOCK_STREAM, 0);
  REQUIRE(::bind(made, reinterpret_cast<const struct sockaddr*>(&address), sizeof address) == 0);
  ::close(made);
}

std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

}  // namespace

TEST_CASE("catalog: a file that cannot be read is its own problem", "[catalog][broken]") {
  struct Case { const char* title; std::function<void(const fs::path&)> put; const char* says; };
  const auto c = GENERATE(values<Case>({
      {"a gibibyte", [](const auto& path) { write_hole(path, 1 << 30); }, "bad.json: has 1073741824 bytes, at most 67108864 are read"},
      {"a byte too much", [](const auto& path) { write_hole(path, (64 << 20) + 1); }, "bad.json: has 67108865 bytes, at most 67108864 are read"},
      {"nested deeply", [](const auto& path) { write_text(path, R"({"model_id":"bad","family":"x","parts":{},"extra_info":)" + repeated(R"({"a":)", 100'000)); }, "bad.json: nested deeper than 64 levels"},
      {"arrays nested deeply", [](const auto& path) { write_text(path, repeated("[", 1'000'000)); }, "bad.json: nested deeper than 64 levels"},
      {"not UTF-8", [](const auto& path) { write_text(path, "{\"model_id\":\"\xff\",\"family\":\"x\",\"parts\":{}}"); }, "bad.json: not valid JSON"},
      {"a folder", [](const auto& path) { fs::create_directory(path); }, "bad.json: is no regular file"},
      {"a pipe", [](const auto& path) { ::mkfifo(path.c_str(), 0666); }, "bad.json: is no regular file"},
      {"a socket", make_socket, "bad.json: cannot be opened"},
      {"a link to a device", [](const auto& path) { fs::create_symlink("/dev/zero", path); }, "bad.json: is no regular file"},
      {"a link that leads nowhere", [](const auto& path) { fs::create_symlink("/nowhere/at/all", path); }, "bad.json: cannot be opened: No such file or directory"},
      {"a link to itself", [](const auto& path) { fs::create_symlink(path, path); }, "bad.json: cannot be opened: Too many levels of symbolic links"},
      {"a link into a file", [](const auto& path) { fs::create_symlink("/etc/passwd/x", path); }, "bad.json: cannot be opened: Not a directory"},
  }));
  DYNAMIC_SECTION(c.title) {
    const TemporaryFolder folder;
    const ModelRegistry registry(test_config(folder / "c"));
    for (const auto* id : {"a", "z"}) registry.catalog().save(spec_of(id));
    c.put(folder / "c/bad.json");
    std::string index;
    for (int i = 0; i < 2; ++i) {
      const auto listing = registry.catalog().list();
      CHECK(listing.models.size() == 2);
      REQUIRE(listing.problems.size() == 1);
      CHECK(listing.problems[0].path == (folder / "c/bad.json").string());
      CHECK_THAT(listing.problems[0].message, ContainsSubstring(c.says));
      const auto result = find_parts(registry, {.type = "layer_norm"});
      CHECK(result.found.size() == 2);
      CHECK(result.unreadable == std::vector{listing.problems[0].message});
      const auto written = read_text(folder / "c/.index/specs.sqlite");
      if (i > 0) CHECK(written == index);  // what was known is not written again
      index = written;
    }
    fs::remove(folder / "c/bad.json");
    CHECK(registry.catalog().list().problems.empty());
  }
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they take more
TEST_CASE("catalog: a file that takes more memory than there is, is its own problem", "[catalog][broken]") {
  const TemporaryFolder folder;
  const Catalog catalog(folder / "c");
  catalog.save(spec_of("good"));
  write_text(folder / "c/bad.json", "[" + repeated("0,", 25'000'000) + "0]");
  const auto asked = [&](const std::string& limit) {
    return run_program("/bin/sh", {"-c", fmt::format("ulimit -v {}; exec '{}' list", limit, garage_binary().string())},
                       {{"GARAGE_CATALOG", (folder / "c").string()}});
  };
  const auto short_of_memory = asked("300000");
  CHECK(short_of_memory.code == 0);
  CHECK_THAT(short_of_memory.out, ContainsSubstring("good"));
  CHECK_THAT(short_of_memory.err, ContainsSubstring("bad.json: reading it takes more memory than there is"));
  CHECK_THAT(asked("unlimited").err, ContainsSubstring("bad.json: is no spec"));  // it is read again
}

TEST_CASE("catalog: several large files are not in memory at once", "[catalog][broken]") {
  const TemporaryFolder folder;
  const std::string numbers = "[" + repeated("0,", 12'000'000) + "0]";
  const auto asked = [&] {
    const auto result = run_program(garage_binary(), {"list"}, {{"GARAGE_CATALOG", (folder / "c").string()}});
    CHECK(result.code == 0);
    return result.max_rss_kib;
  };
  write_text(folder / "c/0.json", numbers);
  const auto one = asked();
  for (int i = 0; i < 6; ++i) write_text(folder / fmt::format("c/{}.json", i), numbers);
  fs::remove_all(folder / "c/.index");
  CHECK(asked() < one * 3 / 2);
}
#endif

TEST_CASE("catalog: a file that is removed while the catalog is listed is no problem", "[catalog][broken][threads]") {
  const TemporaryFolder folder;
  const ModelRegistry registry(test_config(folder / "c"));
  std::vector<fs::path> files;
  for (int i = 0; i < 400; ++i) {
    files.push_back(folder / fmt::format("c/m{}.json", i));
    write_text(files.back(), write_spec(spec_of(fmt::format("m{}", i))));
  }
  std::atomic<bool> starts = false;
  std::thread remover([&] {
    while (!starts) {}
    for (const auto& file : files) fs::remove(file);
  });
  std::size_t before = 400, now = 400;
  do {
    starts = true;
    const auto listing = registry.catalog().list();
    const auto result = find_parts(registry, {.type = "layer_norm"});
    now = listing.models.size();
    CHECK(now <= before);
    CHECK(listing.problems.empty());
    CHECK(result.unreadable.empty());
    before = now;
  } while (now > 0);
  remover.join();
}
