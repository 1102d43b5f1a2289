// Weights that torch.save wrote run as transformers computes them.
#include <catch2/catch_test_macros.hpp>

#include <garage/checkpoint.hpp>
#include <garage/nn/get_module.hpp>

#include "tensor_file.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;

TEST_CASE("torch.save: logits are what transformers computes, in every form", "[nn][torch-save]") {
  const auto computed = read_tensors(test_data("layouts/reference.safetensors"));
  for (const auto* name : {"bin", "bin-legacy", "bin-sharded", "bin-strided", "bin-legacy-strided"}) {
    INFO(name);
    TestRegistry registry;
    registry->register_model("m", open_checkpoint(test_data("layouts") / name));
    const auto model = nn::load_model(registry.registry, "m", {torch::kCPU, torch::kFloat32});
    const auto ours = model->forward(computed.at("input_ids"));
    const auto& theirs = computed.at("logits");
    REQUIRE(ours.sizes() == theirs.sizes());
    CHECK(((ours - theirs).abs().max() / theirs.abs().max()).item<double>() <= 1e-5);
  }
}
