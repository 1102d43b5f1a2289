// A document is UTF-8, whatever bytes a text has.
#include <garage/json_writer.hpp>

#include <random>

#include <boost/json/parse.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace garage;
using namespace std::string_literals;

namespace {

std::string written(std::string_view text) {
  JsonWriter out;
  out.string(text);
  return out.take();
}

}  // namespace

// What Python's bytes.decode('utf-8', 'replace') answers, which is as The Unicode Standard recommends (3.9, tables 3-8
// to 3-11): one U+FFFD for each maximal subpart.
TEST_CASE("json writer: what is not UTF-8 becomes U+FFFD, as Python replaces it", "[json][utf8]") {
  struct Case { const char* title; std::string bytes, replaced; };
  const auto c = GENERATE(values<Case>({
      {"a byte that continues nothing", "\x80", "�"},
      {"the last such byte", "\xBF", "�"},
      {"overlong, of two", "\xC0\xAF", "��"},
      {"overlong, of two, the last", "\xC1\x81", "��"},
      {"overlong, of three", "\xE0\x80\xBF", "���"},
      {"overlong, of four", "\xF0\x81\x82\x41", "���A"},
      {"a surrogate", "\xED\xA0\x80", "���"},
      {"half a surrogate", "\xED\xAF\x41", "��A"},
      {"above U+10FFFF", "\xF4\x91\x92\x93", "����"},
      {"just above U+10FFFF", "\xF4\x90\x80\x80", "���" "�"},
      {"a byte that never begins", "\xFF\x41", "�A"},
      {"F5", "\xF5\x80", "��"},
      {"of five bytes, as once was", "\xF8\xA1\xA1\xA1\xA1", "�����"},
      {"continuations alone", "\x80\x81\x82", "���"},
      {"cut off after one of two", "\xC3", "�"},
      {"cut off after two of three", "\xE2\x82", "�"},
      {"cut off after three of four", "\xF0\x9F\x98", "�"},
      {"the second of two is none", "\xC3(", "�("},
      {"the second of three is none", "\xE2(\xA1", "�(�"},
      {"the third of three is none", "\xE2\x82(", "�("},
      {"the third of four is none", "\xF0\x90(\xBC", "�(�"},
      {"the fourth of four is none", "\xF0\x90\x8C(", "�("},
      {"table 3-11", "\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41", "����A"},
      {"Latin 1", "caf\xE9", "caf�"},
      {"then UTF-8", "\xE9\xC3\xA9", "�é"},
      {"then an escape", "\xE9\"\xE9", "�\\\"�"},
      {"U+FFFD itself", "\xEF\xBF\xBD", "�"},
      {"the last that is", "\xF4\x8F\xBF\xBF", "\xF4\x8F\xBF\xBF"},
      {"beside the surrogates", "\xED\x9F\xBF\xEE\x80\x80", "\xED\x9F\xBF\xEE\x80\x80"},
  }));
  DYNAMIC_SECTION(c.title) {
    // At any place, whether eight bytes are looked at at once or each alone.
    for (std::size_t before = 0; before < 18; ++before)
      for (std::size_t after = 0; after < 18; ++after) {
        const std::string start(before, 'x'), end(after, 'y');
        REQUIRE(written(start + c.bytes + end) == "\"" + start + c.replaced + end + "\"");
      }
  }
}

TEST_CASE("json writer: any bytes give JSON that others read, and what was UTF-8 comes back", "[json][utf8]") {
  std::mt19937 random(3);
  const std::string pieces[] = {"a", "\"", "\\", "\n", "\x80", "\xC3", "\xA9", "\xE2", "\xF0", "\x9F", "\xED", "\xFF", "\xF4", "é", "€", "😀"};
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (auto size = random() % 24; size > 0; --size) text += pieces[random() % std::size(pieces)];
    boost::json::error_code code;
    const auto read = boost::json::parse(written(text), code);  // which refuses what is not UTF-8
    if (code) FAIL("is no JSON: " << written(text));
    const auto again = std::string(read.as_string());
    if (written(again) != written(text)) FAIL("is replaced twice: " << written(text));
  }
}

TEST_CASE("json writer: keys are texts too", "[json][utf8]") {
  JsonWriter out;
  write_json(out, std::map<std::string, int>{{"caf\xE9", 1}});
  CHECK(out.take() == "{\"caf�\": 1}");
}
