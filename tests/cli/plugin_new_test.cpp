// garage plugin new, on checkpoints of families that it knows nothing of: tests/data/scaffold/.
#include <algorithm>
#include <regex>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <fmt/format.h>

#include "checkpoint_files.hpp"
#include "shell.hpp"

using namespace garage;
using namespace garage::test;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

std::vector<std::string> lineages() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(test_data("scaffold"))) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

// "gptj" of "gpt-j": what a plugin and a namespace may be called.
std::string plain(std::string name) {
  std::erase_if(name, [](char c) { return c == '-' || c == '.'; });
  return name;
}

fs::path checkpoint(const Shell& shell, const std::string& lineage, const std::string& config) {
  const auto source = test_data("scaffold") / lineage, folder = shell.folder / ("model-" + lineage);
  write_checkpoint(folder, config, read_tensor_table(source / "tensors.tsv"));
  return folder;
}

// The source that is written of a checkpoint.
std::string source_for(const Shell& shell, const std::string& lineage, const std::string& config) {
  const auto name = (shell.folder / plain(lineage)).string();
  fs::remove_all(name);
  const auto model = checkpoint(shell, lineage, config).string();
  const auto here = fs::current_path();
  fs::current_path(shell.folder.path());
  const auto made = shell({"plugin", "new", plain(lineage), "--family", plain(lineage), "--model", model});
  fs::current_path(here);
  INFO(lineage << ": " << made.err);
  REQUIRE(made.code == 0);
  return read_text(fs::path(name) / "src/decomposer.cpp");
}

std::string config_of(const std::string& lineage) { return read_text(test_data("scaffold") / lineage / "config.json"); }

// Without comments and texts: where a number would be one that the plugin computes by.
std::string code_of(const std::string& source) {
  auto code = std::regex_replace(source, std::regex(R"(//[^\n]*)"), "");
  return std::regex_replace(code, std::regex(R"("(\\.|[^"\\])*")"), "\"\"");
}

}  // namespace

TEST_CASE("cli: plugin new writes no number of a checkpoint into a plugin, and what it writes compiles", "[cli][plugin-new]") {
  const Shell shell;
  std::string all = "#include <garage/sdk/family.hpp>\n#undef GARAGE_PLUGIN\n#define GARAGE_PLUGIN(...) static_assert(true, \"\")\n";
  const auto names = lineages();
  CHECK(names.size() >= 20);
  for (const auto& lineage : names) {
    const auto source = source_for(shell, lineage, config_of(lineage));
    const auto code = code_of(source);
    INFO(lineage << "\n" << source);
    CHECK_FALSE(std::regex_search(code, std::regex(R"(\b[0-9])")));
    CHECK(code.find("Decide") == std::string::npos);
    all += fmt::format("namespace scaffold_{} {{\n{}\n}}\n", plain(lineage), source);
  }
  write_text(shell.folder / "all.cpp", all);
  const auto compiled = run_program(GARAGE_TEST_COMPILER, {"-std=c++20", "-fsyntax-only", "-I" GARAGE_TEST_SOURCE "/core/include", "-I" GARAGE_TEST_SOURCE "/sdk/include", (shell.folder / "all.cpp").string()});
  INFO(compiled.err);
  CHECK(compiled.code == 0);
}

TEST_CASE("cli: plugin new reads keys where the config has them, and leaves undecided what nothing tells", "[cli][plugin-new]") {
  const Shell shell;
  const auto changed = [](std::string config, const std::string& from, const std::string& to) {
    const auto at = config.find(from);
    REQUIRE(at != config.npos);
    return config.replace(at, from.size(), to);
  };
  // A head count under a key that nobody knows.
  const auto heads = source_for(shell, "starcoder2", changed(config_of("starcoder2"), "num_attention_heads", "attention_heads"));
  CHECK_THAT(heads, ContainsSubstring("dims.heads = undecided<std::int64_t>(\"the config's key for the number of heads: it has whole numbers in ") && ContainsSubstring("attention_heads") && ContainsSubstring("dims.hidden = config.dimension(\"hidden_size\");"));
  // Flags by their key; norms over all heads by their size; norms behind, not before.
  const auto olmo2 = source_for(shell, "olmo2", config_of("olmo2"));
  CHECK_THAT(olmo2, ContainsSubstring(".bias = config.flag(\"attention_bias\")") && ContainsSubstring(".over_all_heads = true") && ContainsSubstring(".post_norm = layer.norm(\"post_feedforward_layernorm\", norm)") && ContainsSubstring(".base_class = \"Olmo2Model\""));
  CHECK_THAT(source_for(shell, "gpt-j", config_of("gpt-j")), ContainsSubstring("undecided<Rope>(\"its rope, of which the config says rotary_dim\")"));
  CHECK_THAT(source_for(shell, "opt", config_of("opt")), ContainsSubstring("text.positions(\"embed_positions\", undecided<std::int64_t>(\"the row of position 0: there are 66 rows and 64 positions\"))") && ContainsSubstring("layer_norm(undecided<double>(\"the eps of the norms\"))"));
  CHECK_THAT(source_for(shell, "bloom", config_of("bloom")), ContainsSubstring("undecided<Rope>(\"how it tells positions: the config speaks of no rope"));
  CHECK_THAT(source_for(shell, "deepseek-v3", config_of("deepseek-v3")), ContainsSubstring("undecided<Part>(\"the layer's attention, or what it has in its place: its modules are ") && ContainsSubstring("self_attn.kv_a_proj_with_mqa"));
  CHECK_THAT(source_for(shell, "olmoe", config_of("olmoe")), ContainsSubstring("undecided<Part>(\"the layer's mixture, moe(layer, ...): its modules are "));
  CHECK_THAT(source_for(shell, "gpt-neo", changed(config_of("gpt-neo"), "GPTNeoForCausalLM", "GPTNeoLMHeadModel")), ContainsSubstring(".base_class = \"GPTNeoModel\""));
}
