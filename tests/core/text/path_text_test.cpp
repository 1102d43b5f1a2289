#include <garage/path_text.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <garage/json_writer.hpp>

#include "is_error.hpp"
#include "temporary_folder.hpp"

using namespace garage;
using namespace garage::test;
using namespace std::string_literals;
namespace fs = std::filesystem;

// What pathlib.Path.as_uri() answers to the same bytes.
TEST_CASE("path text: a path stands as it is where it is UTF-8, and else as its file URI", "[path]") {
  struct Case { const char* title; std::string path, text; };
  const auto c = GENERATE(values<Case>({
      {"ASCII", "/models/llama", "/models/llama"},
      {"UTF-8", "/models/café", "/models/café"},
      {"what a URI would encode", "/models/a b%?#", "/models/a b%?#"},
      {"control characters", "/a\nb\x7f", "/a\nb\x7f"},
      {"nothing", "", ""},
      {"relative", "models/café", "models/café"},
      {"Latin 1", "/models/caf\xE9", "file:///models/caf%E9"},
      {"what has to be encoded beside it", "/models/caf\xE9 ~x/a%?#b", "file:///models/caf%E9%20~x/a%25%3F%23b"},
      {"UTF-8 beside it", "/caf\xC3\xA9/caf\xE9", "file:///caf%C3%A9/caf%E9"},
      {"control characters beside it", "/\xE9\n\"\\", "file:///%E9%0A%22%5C"},
      {"a surrogate", "/\xED\xA0\x80", "file:///%ED%A0%80"},
      {"two slashes", "//caf\xE9", "file:////caf%E9"},
  }));
  DYNAMIC_SECTION(c.title) {
    CHECK(path_text(c.path) == c.text);
    CHECK(path_from_text(c.text).native() == c.path);
  }
}

TEST_CASE("path text: every byte comes back", "[path]") {
  for (int first = 1; first < 256; ++first)
    for (int second = 1; second < 256; ++second) {
      const auto path = "/x"s + static_cast<char>(first) + static_cast<char>(second);
      if (path_from_text(path_text(path)).native() != path) FAIL(path_text(path));
    }
}

TEST_CASE("path text: what a URI stands for is absolute", "[path]") {
  const TemporaryFolder folder;
  const auto before = fs::current_path();
  fs::current_path(folder.path());
  CHECK(path_text("caf\xE9") == "file://" + folder.path().string() + "/caf%E9");
  CHECK(path_text("file:///x") == "file://" + folder.path().string() + "/file%3A///x");
  fs::current_path(before);
}

TEST_CASE("path text: other people's URIs are read, and what is none of a file is refused", "[path][broken]") {
  CHECK(path_from_text("file:///caf%e9") == "/caf\xE9");
  CHECK(path_from_text("file:///%63af%C3%A9") == "/café");
  CHECK(path_from_text("file:///café b") == "/café b");
  CHECK(path_from_text("file:x").native() == "file:x");  // is a name like any other
  CHECK(path_from_text("FILE:///x").native() == "FILE:///x");
  struct Case { const char* title; std::string text; const char* says; };
  const auto c = GENERATE(values<Case>({
      {"a host", "file://host/x", "is 'file://host/x', which names a host"},
      {"our own host", "file://localhost/x", "names a host"},
      {"relative", "file://x", "names a host or a relative path"},
      {"nothing", "file://", "names a host or a relative path"},
      {"half an escape", "file:///caf%E", "where a % has no two digits of hex after it: a % itself is %25"},
      {"an escape of none", "file:///caf%", "where a % has no two digits"},
      {"an escape of no digits", "file:///caf%G0", "where a % has no two digits"},
      {"a sign", "file:///caf%+1", "where a % has no two digits"},
      {"a query", "file:///a?b", "whose ? or # is no part of a path"},
      {"a fragment", "file:///a#b", "whose ? or # is no part of a path"},
      {"a NUL in a URI", "file:///a%00b", "has a NUL byte, which no path has"},
      {"a NUL in a path", "/a\0b"s, "has a NUL byte, which no path has"},
      {"not UTF-8 itself", "file://caf\xE9/x", "is 'file://caf%E9/x'"},
  }));
  DYNAMIC_SECTION(c.title) {
    CHECK_THROWS_MATCHES(path_from_text(c.text), Error, is_error(Errc::kInvalidArgument, c.says));
  }
}

TEST_CASE("path text: JSON takes it from a path's type", "[path][json]") {
  JsonWriter out;
  write_json(out, std::vector<fs::path>{"/a", "/caf\xE9"});
  CHECK(out.take() == R"(["/a", "file:///caf%E9"])");
}
