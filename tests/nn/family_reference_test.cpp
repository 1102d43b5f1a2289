// Families whose data lie with them (plugins/<family>/tests/data/<variant>), against what transformers computed of the same
// weights: float32, eager attention.
#include <algorithm>
#include <cstdio>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include <garage/checkpoint.hpp>
#include <garage/nn/get_module.hpp>

#include "tensor_file.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;
namespace fs = std::filesystem;

namespace {

constexpr double kTolerance = 1e-5;  // of the largest value

// "bloom/tests/data/bloom"
std::vector<std::string> variants() {
  std::vector<std::string> folders;
  for (const auto& family : fs::directory_iterator(plugin_sources())) {
    std::error_code none;
    for (const auto& variant : fs::directory_iterator(family.path() / "tests/data", none))
      if (fs::exists(variant.path() / "reference.safetensors"))
        folders.push_back(fs::relative(variant.path(), plugin_sources()).string());
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

double error(const torch::Tensor& ours, const torch::Tensor& theirs) {
  REQUIRE(ours.sizes() == theirs.sizes());
  return ((ours - theirs).abs().max() / theirs.abs().max()).item<double>();
}

// Of families whose attention and feed-forward add the stream to what they make, as modules of transformers do: the key of
// what they added.
std::string added_stream(const std::string& model_type, const std::string& part, const std::string& index) {
  if (model_type != "bloom") return {};  // BloomAttention, BloomMLP: dropout_add(x, residual)
  return part == "attention" ? "layer_" + index + ".in" : "attention_" + index + ".out";
}

}  // namespace

TEST_CASE("nn: parts and logits of families with data of their own are what transformers computes", "[nn][reference][table]") {
  for (const auto& folder : variants()) {
    INFO(folder);
    TestRegistry registry;
    const auto spec = registry->register_model("m", open_checkpoint(plugin_sources() / folder / "checkpoint"));
    const auto computed = read_tensors(plugin_sources() / folder / "reference.safetensors");
    const nn::ModuleOptions options{torch::kCPU, torch::kFloat32};
    double worst = 0;
    int parts = 0;
    for (const auto& [name, part] : spec->parts) {
      const auto input = computed.find(name + ".in"), output = computed.find(name + ".out");
      if (input == computed.end() || output == computed.end()) continue;
      INFO(name);
      auto ours = nn::get_module(registry.registry, "m", name, options)->forward(input->second);
      const auto underscore = name.rfind('_');
      const auto stream = added_stream(spec->model_type, name.substr(0, underscore), name.substr(underscore + 1));
      if (!stream.empty() && !name.starts_with("layer_")) ours = ours + computed.at(stream);
      const auto off = error(ours, output->second);
      CHECK(off <= kTolerance);
      worst = std::max(worst, off);
      ++parts;
    }
    CHECK(parts == std::count_if(computed.begin(), computed.end(), [](const auto& row) { return row.first.ends_with(".in"); }));
    const auto model = nn::load_model(registry.registry, "m", options);
    const auto ids = computed.at("input_ids");
    const auto off = error(model->forward(ids), computed.at("logits"));
    CHECK(off <= kTolerance);
    std::printf("%-20s %5d  %.1e  %-14s %.1e\n", spec->model_type.c_str(), parts, worst, "", off);

    nn::SequenceState state;
    const auto half = ids.size(1) / 2;
    const auto first = model->forward(ids.narrow(1, 0, half), {.state = &state});
    const auto second = model->forward(ids.narrow(1, half, ids.size(1) - half), {.state = &state});
    CHECK(error(torch::cat({first, second}, 1), computed.at("logits")) <= kTolerance);
  }
}
