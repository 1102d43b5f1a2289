// What a terminal is given of texts that came from outside.
#include <garage/printable.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace garage;
using namespace std::string_literals;

TEST_CASE("printable: what would command a terminal is escaped, and text stays text", "[printable]") {
  struct Case { const char* title; std::string text, shown; };
  const auto c = GENERATE(values<Case>({
      {"plain", "model.layers.0", "model.layers.0"},
      {"other scripts", "模型/ä λ 🦙", "模型/ä λ 🦙"},
      {"escape", "a\033[2Jb", "a\\x1b[2Jb"},
      {"its 8-bit form", "a\u009b2Jb", "a\\x9b2Jb"},
      {"title", "\033]0;x\a", "\\x1b]0;x\\x07"},
      {"lines", "a\r\nb\tc\v", "a\\r\\nb\\tc\\x0b"},
      {"zero", "a\0b"s, "a\\x00b"},
      {"delete", "a\x7f", "a\\x7f"},
      {"backspace", "ab\b\bc", "ab\\x08\\x08c"},
      {"right to left", "abc\u202efdp.exe", "abc\\u202efdp.exe"},
      {"isolate", "\u2066x\u2069", "\\u2066x\\u2069"},
      {"line separator", "a\u2028b", "a\\u2028b"},
      {"byte-order mark", "\ufeffx", "\\ufeffx"},
      {"tag characters", "x\U000E0041", "x\\U000e0041"},
      {"not UTF-8", "caf\xe9!", "caf\\xe9!"},
      {"half a character", "a\xe2\x82", "a\\xe2\\x82"},
  }));
  DYNAMIC_SECTION(c.title) {
    CHECK(printable(c.text) == c.shown);
    CHECK((!is_printable(c.text) || c.text == c.shown));
  }
}

TEST_CASE("printable: of a long text both ends are shown, and how much is left out", "[printable]") {
  const auto shown = printable("tensor '" + std::string(1'000'000, 'x') + "' has no 'dtype'", 90);
  CHECK(shown == "tensor '" + std::string(52, 'x') + " … (999934 bytes left out) … " + std::string(14, 'x') + "' has no 'dtype'");
  std::string wide;
  for (int i = 0; i < 100; ++i) wide += "é";
  for (std::size_t most = 10; most < 30; ++most) CHECK(printable(wide, most).find("\\x") == std::string::npos);
}
