// What the program shows of the parts of a model that runs, and how it changes them.
#include <set>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <garage/error.hpp>
#include <garage/safetensors.hpp>

#include "places.hpp"
#include "shell.hpp"

using namespace garage;
using namespace garage::test;
using Catch::Matchers::ContainsSubstring;

namespace {

std::set<std::string> tensors_in(const std::string& safetensors) {
  std::set<std::string> names;
  for (const auto& entry : read_safetensors_header(safetensors).entries) names.insert(entry.tensor.name);
  return names;
}

}  // namespace

TEST_CASE("cli: run records what parts give, replaces it and scales it", "[cli][run]") {
  const Shell shell;
  REQUIRE(shell({"register", "m", reference("mixtral").string()}).code == 0);
  const auto run = [&](std::vector<std::string> options) {
    std::vector<std::string> arguments = {"run", "m", "--input", test_data("computed/mixtral.safetensors").string()};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return shell(arguments);
  };
  const auto file = [&](const char* name) { return (shell.folder / name).string(); };
  const auto recorded = run({"--record", "layer_*,attention_{0..1}", "--output", file("acts"), "--json"});
  CHECK(json(recorded).at("recorded") == 10);
  const auto acts = tensors_in(file("acts"));
  CHECK(acts == std::set<std::string>{"attention_0", "attention_0.in", "attention_1", "attention_1.in", "layer_0", "layer_0.in", "layer_1",
                                      "layer_1.in", "layer_2", "layer_2.in", "output"});
  CHECK(run({"--output", file("before")}).code == 0);
  CHECK(run({"--replace", "attention_1=" + file("acts") + ":attention_1", "--output", file("same")}).code == 0);
  CHECK(run({"--replace", "attention_1=" + file("acts"), "--output", file("by-name")}).code == 0);
  CHECK(read_text(file("same")) == read_text(file("before")));
  CHECK(read_text(file("by-name")) == read_text(file("before")));
  CHECK(run({"--scale", "attention_1=0", "--scale", "expert_2_*=0.5", "--output", file("other")}).code == 0);
  CHECK(read_text(file("other")) != read_text(file("before")));

  struct Case { std::vector<std::string> options; Errc code; std::string says; };
  for (const auto& c : std::vector<Case>{
           {{"--record", "layer_7"}, Errc::kNotFound, "--record 'layer_7': 'm' has no part of that name; did you mean 'layer_0'?"},
           {{"--record", "rotary_emb"}, Errc::kInvalidArgument, "--record 'rotary_emb': no such part ran by itself, but attention_{0..2}"},
           {{"--replace", "attention_1"}, Errc::kInvalidArgument, "--replace 'attention_1' should be PART=FILE:TENSOR, or PART=FILE"},
           {{"--replace", "attention_1=" + file("acts") + ":attention_9"}, Errc::kNotFound, "has no tensor 'attention_9'"},
           {{"--replace", "attention_1=" + file("acts") + ":output"}, Errc::kInvalidArgument, "attention_1: gives [2, 12, 32] of float32 on cpu; what is given in its place should have that shape, is [2, 12, 96]"},
           {{"--replace", "attention_1=" + file("none") + ":a"}, Errc::kNotFound, "none"},
           {{"--scale", "attention_1=none"}, Errc::kInvalidArgument, "--scale 'attention_1=none': 'none' is no number"},
           {{"--record", "layer_0", "--generate", "2"}, Errc::kInvalidArgument, "generate: parts are recorded, replaced and scaled in one pass over a prompt alone"}}) {
    auto options = c.options;
    options.insert(options.end(), {"--output", file("refused")});
    const auto result = run(options);
    CHECK(result.code == static_cast<int>(c.code));
    CHECK_THAT(result.err, ContainsSubstring(c.says));
    CHECK_FALSE(std::filesystem::exists(file("refused")));
  }
}

TEST_CASE("cli: importance of layers and experts", "[cli][run]") {
  const Shell shell;
  const auto said = json(shell.with("mixtral", {"importance", "mixtral", "--input", test_data("computed/mixtral.safetensors").string(), "--json"}));
  CHECK(said.at("layers").as_array().size() == 3);
  CHECK(said.at("layers").at(0).at("layer") == "layer_0");
  CHECK(said.at("layers").at(0).at("tokens") == 24);
  std::int64_t routed = 0;
  for (const auto& expert : said.at("experts").as_array())
    if (expert.at("expert").as_string().starts_with("expert_0_")) routed += expert.at("tokens").as_int64();
  CHECK(routed == 2 * 24);  // each token goes to two
}
