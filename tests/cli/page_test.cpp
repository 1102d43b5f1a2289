// The pages of `show --html` and `compare --html`, in a browser: what they say equals --json, and what keys and clicks do.
#include <regex>

#include <boost/json/serialize.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "shell.hpp"

using namespace garage::test;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;
namespace js = boost::json;

namespace {

struct Browser {
  TemporaryFolder profile;

  Browser() {
    if (!fs::exists("/usr/bin/chromium")) SKIP("no chromium here");
  }

  // The document after its scripts ran, and what they complained of.
  ProgramResult operator()(const fs::path& page) const {
    const auto result = run_program("/usr/bin/chromium",
                                    {"--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--enable-logging=stderr",
                                     "--virtual-time-budget=2000", "--user-data-dir=" + profile.path().string(), "--dump-dom",
                                     "file://" + page.string()});
    INFO(result.err);
    REQUIRE(result.code == 0);
    REQUIRE_THAT(result.out, ContainsSubstring("</html>"));
    CHECK(result.err.find("CONSOLE") == std::string::npos);
    return result;
  }

  // The same after a script ran at the page's end: what it put into the title. A headless window gets the focus some time
  // after its page runs, if it gets it before the page is written out, and until then no element hears of its own: the
  // script waits for it, and a page that never had it is opened again.
  std::string after(const fs::path& page, const std::string& script) const {
    auto text = read_text(page);
    text.insert(text.find("</body>"),
                "<script>document.title = 'without focus'; const run = () => { document.title = 'nothing'; " + script +
                    " }; if (document.hasFocus()) run(); else addEventListener('focus', run, {once: true});</script>");
    write_text(profile / "page.html", text);
    for (int tries = 0; tries < 20; ++tries) {
      std::smatch title;
      const auto dom = (*this)(profile / "page.html").out;
      REQUIRE(std::regex_search(dom, title, std::regex("<title>([^<]*)</title>\n<style>")));
      if (title[1] != "without focus") return title[1];
    }
    FAIL("the browser's window never had the focus");
    return {};
  }
};

// Each match: the whole, then its groups.
std::vector<std::vector<std::string>> matches(const std::string& text, const std::string& pattern) {
  std::vector<std::vector<std::string>> found;
  const std::regex regex(pattern);
  for (std::sregex_iterator at(text.begin(), text.end(), regex), end; at != end; ++at) found.emplace_back(at->begin(), at->end());
  return found;
}

// A value of the JSON as a page spells it: with commas between thousands.
std::string spelled(const js::value& value) {
  if (value.is_string()) return std::string(value.get_string());
  auto digits = std::to_string(value.as_int64());
  for (auto at = static_cast<int>(digits.size()) - 3; at > 0; at -= 3) digits.insert(static_cast<std::size_t>(at), ",");
  return digits;
}

// A section of the page, from its opening tag to its end.
std::string section(const std::string& dom, const std::string& id) {
  const auto from = dom.find("<section id=\"" + id + "\"");
  REQUIRE(from != dom.npos);
  return dom.substr(from, dom.find("</section>", from) - from);
}

}  // namespace

TEST_CASE("page: what a model's page says equals its JSON", "[cli][page]") {
  const auto* variant = GENERATE("gpt2-hub", "llama-3.1", "mixtral", "gemma-3-multimodal", "qwen3-moe", "phi-3");
  const Shell shell;
  const Browser browser;
  const auto spec = json(shell.with(variant, {"show", variant, "--json"}));
  const auto page = shell.folder / "page.html";
  REQUIRE(shell({"show", variant, "--html", page.string()}).code == 0);
  const auto dom = browser(page).out;
  int fields = 0;
  for (const auto& each : matches(dom.substr(0, dom.find("<main")), "<dd data-field=\"(\\w+)\">([^<]*)</dd>")) {
    CHECK(each[2] == spelled(spec.at(each[1])));
    ++fields;
  }
  CHECK(fields == 6);
  for (const auto& opened : matches(dom, "<section id=\"(kind-\\d+)\"[^>]* data-part=\"(\\w+)\"")) {
    const auto& part = spec.at("parts").at(opened[2]);
    const auto text = section(dom, opened[1]);
    CAPTURE(opened[2]);
    for (const auto* field : {"part_type", "input_dim", "output_dim", "num_heads", "head_dim", "intermediate_dim", "parameters"}) {
      const auto value = part.as_object().if_contains(field);
      if (!value || value->is_null()) CHECK_THAT(text.substr(0, text.find("<h3>")), !ContainsSubstring(field));
      else CHECK_THAT(text, ContainsSubstring("data-field=\"" + std::string(field) + "\">" + spelled(*value) + "</td>"));
    }
    for (const auto& tensor : matches(js::serialize(part), "\"tensor\":\"([^\"]*)\"")) CHECK_THAT(text, ContainsSubstring(tensor[1]));
  }
  // The blocks of parts that are not made of others hold every parameter once.
  std::int64_t parameters = 0;
  for (const auto& block : matches(dom, "<a href=\"#(kind-\\d+)\" class=\"block [^\"]*\" aria-label=\"[^\"]*, ([\\d,]+) parameters\"")) {
    const auto first = matches(section(dom, block[1]), "data-part=\"(\\w+)\"").at(0)[1];
    auto digits = block[2];
    std::erase(digits, ',');
    const auto& op = spec.at("parts").at(first).at("blueprint").at("op").as_string();
    if (op != "layer" && op != "mixture" && op != "stack") parameters += std::stoll(digits);
  }
  CHECK(parameters == spec.at("parameters").as_int64());
}

TEST_CASE("page: what a comparison's page says equals its JSON", "[cli][page]") {
  struct Case { const char* a; const char* b; };
  const auto c = GENERATE(values<Case>({{"llama-2", "qwen2-mha"}, {"gemma-2", "gemma"}, {"mixtral", "gpt2"}}));
  const Shell shell;
  const Browser browser;
  shell.with(c.a, {"list"});
  const auto comparison = json(shell.with(c.b, {"compare", c.a, c.b, "--json"}));
  const auto page = shell.folder / "page.html";
  REQUIRE(shell({"compare", c.a, c.b, "--html", page.string()}).code == 0);
  const auto dom = browser(page).out;
  for (const auto* field : {"hidden_dims", "num_layers", "num_heads", "vocab_sizes", "families"}) {
    const auto cells = matches(dom.substr(0, dom.find("<main")), "<td data-field=\"" + std::string(field) + "\">([^<]*)</td>");
    REQUIRE(cells.size() == 2);
    for (std::size_t i = 0; i < 2; ++i) CHECK(cells[i][1] == spelled(comparison.at(field).at(i)));
  }
  const auto& swaps = comparison.at("swaps").as_array();
  CHECK(matches(dom, "<section id=\"swap-").size() == swaps.size());
  for (std::size_t i = 0; i < swaps.size(); ++i) {
    const auto text = section(dom, "swap-" + std::to_string(i));
    CHECK_THAT(text, ContainsSubstring("data-level=\"" + spelled(swaps[i].at("level")) + "\""));
    CHECK_THAT(text, ContainsSubstring(spelled(swaps[i].at("a"))));
    const auto reasons = matches(text, "<tr><th scope=\"row\">([^<]*)</th><td>([^<]*)</td><td>([^<]*)</td></tr>");
    const auto& wanted = swaps[i].at("reasons").as_array();
    REQUIRE(reasons.size() == wanted.size());
    for (std::size_t k = 0; k < reasons.size(); ++k) {
      CHECK(reasons[k][1] == spelled(wanted[k].at("field")));
      CHECK(reasons[k][2] == spelled(wanted[k].at("a")));
      CHECK(reasons[k][3] == spelled(wanted[k].at("b")));
    }
  }
  // Every line leads to a swap of its level.
  for (const auto& join : matches(dom, "href=\"#(swap-\\d+)\" class=\"join l-(\\w+)\""))
    CHECK_THAT(section(dom, join[1]), ContainsSubstring("data-level=\"" + join[2] + "\""));
}

TEST_CASE("page: it works from the keyboard, by mouse, and without a network", "[cli][page]") {
  const Shell shell;
  const Browser browser;
  shell.with("llama-3.1", {"list"});
  const auto page = shell.folder / "page.html";
  REQUIRE(shell({"show", "llama-3.1", "--html", page.string()}).code == 0);
  CHECK(matches(read_text(page), "https?://|@import|url\\(|<link|src=").empty());

  const std::string helpers = R"(
    const block = (name) => document.querySelector(`svg a[aria-label^="${name}"]`);
    const shown = () => [...document.querySelectorAll('section.current')].map((s) => s.dataset.part).join();
    const press = (key) => document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}));
  )";
  CHECK(browser.after(page, helpers + "block('attention').focus(); document.title = shown();") == "attention_0");
  CHECK(browser.after(page, helpers + "block('attention').focus(); press('ArrowDown'); press('ArrowDown'); document.title = shown();") == "ffn_0");
  CHECK(browser.after(page, helpers + "block('ffn').dispatchEvent(new MouseEvent('mouseenter')); document.title = shown();") == "ffn_0");
  CHECK(browser.after(page, helpers + "const first = shown(); block('ffn').focus(); press('Escape'); document.title = shown() === first;") == "true");
  // Chosen: it stays when the mouse goes elsewhere and away.
  CHECK(browser.after(page, helpers + R"(
    location.hash = block('layer').getAttribute('href');
    setTimeout(() => {
      block('ffn').dispatchEvent(new MouseEvent('mouseenter'));
      block('ffn').dispatchEvent(new MouseEvent('mouseleave'));
      document.title = shown();
    }, 100);)") == "layer_0");
}

TEST_CASE("page: a model that needs escaping, one without blueprints, and a file that cannot be written", "[cli][page]") {
  const Shell shell;
  REQUIRE(shell({"register", "a<b>&\"c\"", reference("llama-3.1").string()}).code == 0);
  const auto page = shell.folder / "page.html";
  REQUIRE(shell({"show", "a<b>&\"c\"", "--html", page.string()}).code == 0);
  CHECK_THAT(read_text(page), ContainsSubstring("<h1>a&lt;b&gt;&amp;&quot;c&quot;</h1>") && !ContainsSubstring("<b>&\"c\""));
  const auto refused = shell({"show", "a<b>&\"c\"", "--html", (shell.folder / "nowhere/page.html").string()});
  CHECK(refused.code == 1);
  CHECK_THAT(refused.err, ContainsSubstring("nowhere/page.html: cannot be written: No such file or directory"));
  fs::copy(test_data("seed/reference__gpt2.json"), shell.folder / "catalog/reference__gpt2.json");
  const auto seed = shell({"show", "reference/gpt2", "--html", page.string()});
  CHECK(seed.code == 3);
  CHECK_THAT(seed.err, ContainsSubstring("register it again"));
  const auto three = shell({"compare", "--html", page.string(), "a<b>&\"c\"", "a<b>&\"c\"", "a<b>&\"c\""});
  CHECK(three.code == 4);
  CHECK_THAT(three.err, ContainsSubstring("--html draws two models, there are 3"));
}
