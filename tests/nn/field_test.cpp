// Checkpoints that are odd in one way that people meet, against what transformers computes of them: tests/data/field/.
#include <algorithm>
#include <cstdio>
#include <set>

#include <catch2/catch_test_macros.hpp>

#include <garage/checkpoint.hpp>
#include <garage/nn/get_module.hpp>

#include "tensor_file.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;
namespace fs = std::filesystem;

namespace {

std::vector<fs::path> cases() {
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(test_data("field")))
    if (fs::exists(entry.path() / "truth.safetensors")) folders.push_back(entry.path());
  std::sort(folders.begin(), folders.end());
  return folders;
}

}  // namespace

TEST_CASE("nn: what is odd about a checkpoint changes no number", "[nn][field][table]") {
  std::printf("%-34s %s\n", "odd checkpoint", "worst");
  for (const auto& folder : cases()) {
    INFO(folder);
    TestRegistry registry;
    registry->register_model("m", open_checkpoint(folder));
    const auto truth = read_tensors(folder / "truth.safetensors");
    const auto& theirs = truth.contains("logits") ? truth.at("logits") : truth.at("last_hidden_state");
    // As the config and the file have it: no caller says a dtype.
    auto ours = nn::load_model(registry.registry, "m")->forward(truth.at("input_ids"));
    if (ours.scalar_type() != torch::kFloat32)  // of one narrow dtype; the truth is computed in float32
      ours = nn::load_model(registry.registry, "m", {torch::kCPU, torch::kFloat32})->forward(truth.at("input_ids"));
    REQUIRE(ours.sizes() == theirs.sizes());
    const auto off = ((ours - theirs).abs().max() / theirs.abs().max()).item<double>();
    CHECK(off <= 1e-5);
    std::printf("%-34s %.1e\n", folder.filename().c_str(), off);
  }
}

TEST_CASE("nn: parts stored in several dtypes compute in the widest of what is asked for", "[nn][field][dtype]") {
  TestRegistry registry;
  registry->register_model("m", open_checkpoint(test_data("field/mixed-dtypes-ffn")));
  const auto dtypes = [&](const std::string& part, const nn::ModuleOptions& options = {}) {
    std::set<torch::ScalarType> all;
    for (const auto& parameter : nn::get_module(registry.registry, "m", part, options)->parameters()) all.insert(parameter.scalar_type());
    return all;
  };
  CHECK(dtypes("ffn_0") == std::set{torch::kFloat32});
  CHECK(dtypes("attention_0") == std::set{torch::kBFloat16});  // which has one
  CHECK(dtypes("layer_0") == std::set{torch::kFloat32});
  CHECK(dtypes("layer_0", {.dtype = torch::kFloat16}) == std::set{torch::kFloat16});
}
