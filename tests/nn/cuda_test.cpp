// On a GPU, where there is one: the same numbers as on the CPU, and only the part's bytes there.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <ATen/Context.h>

#include <garage/checkpoint.hpp>
#include <garage/nn/get_module.hpp>

#include "is_error.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;

namespace {

const torch::Device kGpu(torch::kCUDA, 0);

bool no_gpu() { return !at::globalContext().hasCUDA(); }

struct OnGpu : TestRegistry {
  explicit OnGpu(const std::string& variant) { registry.register_model("m", open_checkpoint(reference(variant))); }
};

double off(const torch::Tensor& ours, const torch::Tensor& theirs) { return ((ours.to(torch::kCPU) - theirs).abs().max() / theirs.abs().max()).item<double>(); }

}  // namespace

TEST_CASE("cuda: a whole model gives the CPU's logits", "[nn][cuda]") {
  if (no_gpu()) SKIP("no CUDA device");
  const auto variant = GENERATE("gpt2", "llama-3.1", "mixtral-fused", "gemma-2", "gemma-3-text", "phi-3-longrope", "phi-moe", "qwen2-moe");
  INFO(variant);
  OnGpu model(variant);
  const auto ids = torch::arange(24).reshape({2, 12});
  const auto expected = nn::load_model(model.registry, "m", {torch::kCPU})->forward(ids);
  const auto there = nn::load_model(model.registry, "m", {kGpu});
  CHECK(there->parameters().front().device() == kGpu);
  CHECK(off(there->forward(ids), expected) <= 1e-5);
  const auto narrow = nn::load_model(model.registry, "m", {kGpu, torch::kFloat16})->forward(ids);
  CHECK(narrow.scalar_type() == torch::kFloat16);
}

TEST_CASE("cuda: the layers of one model may lie on both sides", "[nn][cuda]") {
  if (no_gpu()) SKIP("no CUDA device");
  TemporaryFolder folder;
  auto config = test_config(folder / "catalog");
  config.devices.rules = {{"*", "layer_{0..1}", "cuda:0", {}}, {"*", "expert_2_*", "cuda", {}}};
  ModelRegistry registry(config);
  registry.register_model("m", open_checkpoint(reference("mixtral")));
  const auto ids = torch::arange(12).reshape({2, 6});
  const auto split = nn::load_model(registry, "m");
  CHECK(split->named_parameters()["layer_1.attention_1.q.weight"].device() == kGpu);
  CHECK(split->named_parameters()["layer_2.attention_2.q.weight"].device() == torch::kCPU);
  CHECK(split->named_parameters()["layer_2.ffn_2.expert_2_0.up.weight"].device() == kGpu);
  CHECK(off(split->forward(ids), nn::load_model(registry, "m", {torch::kCPU})->forward(ids)) <= 1e-5);
}

TEST_CASE("cuda: auto is the GPU, and input elsewhere is told", "[nn][cuda]") {
  if (no_gpu()) SKIP("no CUDA device");
  TemporaryFolder folder;
  auto config = test_config(folder / "catalog");
  config.devices.device = "auto";
  ModelRegistry registry(config);
  registry.register_model("m", open_checkpoint(reference("llama-2")));
  const auto part = nn::get_module(registry, "m", "attention_0");
  CHECK(part->parameters().front().device() == kGpu);
  CHECK(part->forward(torch::ones({1, 3, 32}, kGpu)).device() == kGpu);
  CHECK_THROWS_MATCHES(part->forward(torch::ones({1, 3, 32})), Error, is_error(Errc::kInvalidArgument, "of float32 on cuda:0, are [1, 3, 32] of float32 on cpu"));
}
