// config.json as Python's json module writes and reads it.
#include <garage/checkpoint.hpp>

#include <cmath>

#include <boost/json/parse.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "checkpoint_files.hpp"
#include "is_error.hpp"
#include "temporary_folder.hpp"

using namespace garage;
using namespace garage::test;

namespace {

Model with_config(const TemporaryFolder& folder, std::string_view config) {
  write_checkpoint(folder.path(), config, {{"w", DType::kF32, {1}}});
  return open_checkpoint(folder.path());
}

}  // namespace

TEST_CASE("config: what Python writes beyond JSON is read", "[checkpoint][config][python]") {
  struct Case { const char* title; const char* config; const char* means; };
  const auto c = GENERATE(values<Case>({
      {"NaN", R"({"a": NaN})", R"({"a": {"__float__": "NaN"}})"},
      {"in a list", R"({"a": [0.0, Infinity,-Infinity]})", R"({"a": [0.0, {"__float__": "Infinity"}, {"__float__": "-Infinity"}]})"},
      {"in an object", "{\"a\":\n{\"b\":NaN}}", R"({"a": {"b": {"__float__": "NaN"}}})"},
      {"as transformers 5 writes it", R"({"a": {"__float__": "Infinity"}})", R"({"a": {"__float__": "Infinity"}})"},
      {"a number that Python makes infinite", R"({"a": [1e999, -1E+999]})", R"({"a": [{"__float__": "Infinity"}, {"__float__": "-Infinity"}]})"},
      {"one that it makes zero", R"({"a": 1e-999})", R"({"a": 0.0})"},
      {"exponents", R"({"a": [1e-06, 1E5, 1e+20, 5e-324]})", R"({"a": [0.000001, 100000.0, 100000000000000000000.0, 5e-324]})"},
      {"the words as text", R"({"NaN": "Infinity, NaN: -Infinity", "a": "\\\"NaN"})", R"({"NaN": "Infinity, NaN: -Infinity", "a": "\\\"NaN"})"},
      {"half a pair of surrogates", R"({"a": "\ud800", "b": "x\udfffy", "c": "\uD83Dz"})", R"({"a": "\ufffd", "b": "x\ufffdy", "c": "\ufffdz"})"},
      {"two first halves", R"({"a": "\ud83d\ud83d\ude00"})", R"({"a": "\ufffd\ud83d\ude00"})"},
      {"a whole pair, and an escape that only looks so", R"({"a": "\ud83d\ude00", "b": "\\ud800"})", R"({"a": "😀", "b": "\\ud800"})"},
  }));
  DYNAMIC_SECTION(c.title) {
    const TemporaryFolder folder;
    CHECK(with_config(folder, c.config).config() == boost::json::parse(c.means).as_object());
  }
}

TEST_CASE("config: what Python does not read either is refused, where it stands", "[checkpoint][config][python]") {
  struct Case { const char* config; const char* says; };
  const auto c = GENERATE(values<Case>({
      {R"({"a": nan})", "line 1, column 7"},
      {R"({"a": -NaN})", "line 1, column 8"},
      {R"({"a": +Infinity})", "line 1, column 7"},
      {R"({"a": Infinity1})", "line 1, column 15"},
      {R"({"a": 1NaN})", "line 1, column 8"},
      {R"({NaN: 1})", "line 1, column 2"},
      {R"({"a": NaN, "b": x})", "line 1, column 17"},
      {R"({"a": [NaN NaN]})", "line 1, column 12"},
      {R"({"a": "\ud80)", "not valid JSON"},
      {R"({"a": "\)", "not valid JSON"},
      {R"({"a": NaN, "a": 1})", "key 'a' stands twice"},
      {"NaN", "is no JSON object but NaN"},
      {"[NaN]", "is no JSON object but array"},
  }));
  DYNAMIC_SECTION(c.config) {
    const TemporaryFolder folder;
    CHECK_THROWS_MATCHES(with_config(folder, c.config), Error, is_error(Errc::kCorrupt, c.says));
  }
}
