// All published models against each other: 210 pairs, the best level of each part type. The table is reviewed; ten of
// its pairs are argued here.
#include <fstream>
#include <map>
#include <sstream>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <garage/checkpoint.hpp>
#include <garage/compare.hpp>

#include "checkpoint_files.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;

namespace {

std::vector<ModelSpec> published_specs() {
  static TestRegistry registry;
  std::vector<ModelSpec> specs;
  std::ifstream table(test_data("real-models/parameters.tsv"));
  std::string id;
  for (std::int64_t parameters = 0; table >> id >> parameters;) {
    const auto source = test_data("real-models/" + id), folder = registry.folder / id;
    write_checkpoint(folder, read_text(source / "config.json"), read_tensor_table(source / "tensors.tsv"));
    specs.push_back(*registry->register_model(id, open_checkpoint(folder)));
  }
  return specs;
}

// "a<tab>b<tab>attention=weights ffn=identical ...", a line a pair.
std::string levels_table(const std::vector<ModelSpec>& specs) {
  std::string text;
  for (std::size_t i = 0; i < specs.size(); ++i)
    for (auto j = i + 1; j < specs.size(); ++j) {
      text += fmt::format("{}\t{}\t", specs[i].model_id, specs[j].model_id);
      for (const auto& [type, level] : levels_by_type(compare(specs[i], specs[j]))) text += fmt::format("{}={} ", type, boost::describe::enum_to_string(level, ""));
      text.back() = '\n';
    }
  return text;
}

}  // namespace

TEST_CASE("levels: 210 pairs of published models are as the reviewed table says", "[compare][golden]") {
  const auto text = levels_table(published_specs());
  if (const auto* file = std::getenv("GARAGE_WRITE_LEVELS")) write_text(file, text);
  CHECK(std::count(text.begin(), text.end(), '\n') == 210);
  CHECK(text == read_text(test_data("levels.tsv")));

  // Argued from the models' published configs, not from what came out.
  struct Argued { const char* a; const char* b; const char* says; const char* why; };
  const Argued argued[] = {
      {"meta-llama/Meta-Llama-3-8B", "mistralai/Mistral-7B-v0.1", "attention=weights", "32 heads and 8 kv heads of 128 in 4096 in both; theta 500000 and 10000"},
      {"meta-llama/Meta-Llama-3-8B", "mistralai/Mistral-7B-v0.1", "ffn=identical", "both are silu-gated, 4096 to 14336"},
      {"meta-llama/Meta-Llama-3-8B", "mistralai/Mistral-7B-v0.1", "embedding=none", "128256 and 32000 rows"},
      {"google/gemma-7b", "google/gemma-2-9b", "layer_norm=none", "3072 and 3584 wide"},
      {"meta-llama/Llama-2-7b-hf", "Qwen/Qwen1.5-7B", "attention=drop_in", "4096 wide with 32 heads of 128 in both; Qwen's q, k and v have biases"},
      {"meta-llama/Llama-2-7b-hf", "Qwen/Qwen1.5-7B", "ffn=identical", "both are silu-gated, 4096 to 11008"},
      {"microsoft/Phi-3-mini-4k-instruct", "microsoft/Phi-3-mini-128k-instruct", "attention=weights", "the same shapes; one turns by longrope and sees further"},
      {"microsoft/Phi-3-mini-4k-instruct", "microsoft/Phi-3-mini-128k-instruct", "ffn=identical", "the same class and sizes"},
      {"mistralai/Mistral-7B-v0.1", "mistralai/Mixtral-8x7B-v0.1", "ffn=drop_in", "one feed-forward against eight and a router, 4096 wide both"},
      {"mistralai/Mistral-7B-v0.1", "mistralai/Mixtral-8x7B-v0.1", "attention=weights", "the same shapes; theta 10000 and 1000000, and a window of 4096 in Mistral alone"},
      {"openai-community/gpt2", "microsoft/phi-2", "attention=none", "768 and 2560 wide"},
      {"Qwen/Qwen3-8B", "meta-llama/Meta-Llama-3-8B", "attention=drop_in", "the same projections; Qwen 3 has norms over q and k"},
  };
  for (const auto& [a, b, says, why] : argued) {
    INFO(a << " and " << b << ": " << says << ": " << why);
    std::istringstream lines(text);
    bool found = false;
    for (std::string line; std::getline(lines, line);)
      if (line.starts_with(std::string(a) + "\t" + b + "\t") || line.starts_with(std::string(b) + "\t" + a + "\t")) found = (line + " ").find(std::string(says) + " ") != std::string::npos;
    CHECK(found);
  }
}
