// Every part against what transformers computed for the same weights: tests/data/computed/, float32, eager attention.
#include <algorithm>
#include <cstdio>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include <garage/checkpoint.hpp>
#include <garage/nn/get_module.hpp>

#include "is_error.hpp"
#include "tensor_file.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;

namespace {

constexpr double kTolerance = 1e-5;  // of the largest value

std::vector<std::string> variants() {
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(test_data("computed"))) names.push_back(file.path().stem());
  std::sort(names.begin(), names.end());
  return names;
}

double error(const torch::Tensor& ours, const torch::Tensor& theirs) {
  REQUIRE(ours.sizes() == theirs.sizes());
  return ((ours - theirs).abs().max() / theirs.abs().max()).item<double>();
}

// The variants' checkpoints, some of them stored narrower, as the reference ran them.
struct Variant {
  TestRegistry registry;
  SpecPtr spec;
  std::map<std::string, torch::Tensor> computed;
  nn::ModuleOptions options{torch::kCPU, torch::kFloat32};

  explicit Variant(const std::string& name)
      : spec(registry->register_model("m", open_checkpoint(reference(name)))), computed(read_tensors(test_data("computed/" + name + ".safetensors"))) {}

  std::shared_ptr<nn::PartModule> module(const std::string& part) { return nn::get_module(registry.registry, "m", part, options); }
};

}  // namespace

TEST_CASE("nn: every part, and the model put together again, compute what transformers computes", "[nn][reference][table]") {
  std::printf("%-20s %5s  %-8s %-14s %s\n", "variant", "parts", "worst", "of", "logits");
  for (const auto& name : variants()) {
    INFO(name);
    Variant variant(name);
    double worst = 0;
    std::string worst_part;
    int parts = 0;
    const auto compare = [&](const std::string& part, const torch::Tensor& ours, const std::string& theirs) {
      INFO(part);
      const auto off = error(ours, variant.computed.at(theirs));
      CHECK(off <= kTolerance);
      if (off >= worst) {
        worst = off;
        worst_part = part;
      }
      ++parts;
    };
    // Every attention, feed-forward and layer.
    for (const auto& [part, spec] : variant.spec->parts)
      if (const auto input = variant.computed.find(part + ".in"); input != variant.computed.end())
        compare(part, variant.module(part)->forward(input->second), part + ".out");
    CHECK(parts == 3 * variant.spec->num_layers);

    const auto ids = variant.computed.at("input_ids");
    auto embedded = variant.module("embedding")->forward(ids);
    if (variant.spec->parts.find("pos_embedding"))
      embedded = embedded + variant.module("pos_embedding")->forward(torch::arange(ids.size(1)).unsqueeze(0));
    compare("embedding", embedded, "embedding.out");

    const auto& steps = std::get<Stack>(*variant.spec->parts.find(variant.spec->root)->blueprint).parts;
    const auto norm = steps[steps.size() - 2].part;  // before the head
    const auto last = variant.computed.at("layer_" + std::to_string(variant.spec->num_layers - 1) + ".out");
    compare(norm, variant.module(norm)->forward(last), "final_norm.out");

    const auto logits = nn::load_model(variant.registry.registry, "m", variant.options)->forward(ids);
    const auto off = error(logits, variant.computed.at("logits"));
    CHECK(off <= kTolerance);
    std::printf("%-20s %5d  %.1e  %-14s %.1e\n", name.c_str(), parts, worst, worst_part.c_str(), off);
  }
}

TEST_CASE("nn: decoding step by step gives the logits of the one pass", "[nn][reference][sequence]") {
  const auto name = GENERATE(from_range(variants()));
  INFO(name);
  Variant variant(name);
  // Longrope turns by other frequencies once the sequence is longer than the original 8 positions, so that keys that
  // were cached before differ from those of the one pass: in transformers too.
  if (name == "phi-3-longrope") return;
  const auto ids = variant.computed.at("input_ids");
  const auto model = nn::load_model(variant.registry.registry, "m", variant.options);
  nn::SequenceState state;
  const nn::Sequence sequence{.state = &state};
  std::vector<torch::Tensor> logits;
  for (const auto& [start, length] : {std::pair{0, 5}, {5, 1}, {6, 1}, {7, 3}, {10, 2}})
    logits.push_back(model->forward(ids.narrow(1, start, length), sequence));
  CHECK(state.length() == 12);
  CHECK(error(torch::cat(logits, 1), variant.computed.at("logits")) <= kTolerance);
  CHECK_THROWS_MATCHES(model->forward(ids.narrow(0, 0, 1), sequence), Error, is_error(Errc::kInvalidArgument, "the state holds a batch of 2, the input is one of 1"));
}
