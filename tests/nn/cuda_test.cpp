// On a GPU, where there is one: the same numbers as on the CPU, and only the part's bytes there.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <fstream>

#include <ATen/Context.h>
#include <torch/cuda.h>

#include <garage/checkpoint.hpp>
#include <garage/nn/generate.hpp>
#include <garage/nn/get_module.hpp>

#include "checkpoint_files.hpp"
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

TEST_CASE("cuda: the layers of one model may lie on two GPUs", "[nn][cuda]") {
  if (torch::cuda::device_count() < 2) SKIP("no second CUDA device");
  TemporaryFolder folder;
  auto config = test_config(folder / "catalog");
  config.devices.device = "cuda:1";
  config.devices.rules = {{"*", "layer_{0..1}", "cuda:0", {}}};
  ModelRegistry registry(config);
  const auto variant = GENERATE("llama-3.1", "gemma-3-text", "mixtral");
  INFO(variant);
  registry.register_model("m", open_checkpoint(reference(variant)));
  const auto ids = torch::arange(24).reshape({2, 12});
  const auto split = nn::load_model(registry, "m"), here = nn::load_model(registry, "m", {torch::kCPU});
  CHECK(split->named_parameters()["layer_1.attention_1.q.weight"].device() == kGpu);
  CHECK(split->named_parameters()["norm.weight"].device() == torch::Device(torch::kCUDA, 1));
  CHECK(off(split->forward(ids), here->forward(ids)) <= 1e-5);
  CHECK(torch::equal(nn::generate(split, ids, {.new_tokens = 16}), nn::generate(here, ids, {.new_tokens = 16})));
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

TEST_CASE("cuda: parts hold the file's very numbers, whatever their layout", "[nn][cuda]") {
  if (no_gpu()) SKIP("no CUDA device");
  const auto variant = GENERATE("gpt2", "llama-sharded", "phi-3", "qwen-1", "mixtral-fused", "gemma-2");
  const auto dtype = GENERATE(std::optional<torch::ScalarType>(), std::optional(torch::kFloat32), std::optional(torch::kBFloat16));
  INFO(variant);
  OnGpu model(variant);
  const auto here = nn::load_model(model.registry, "m", {torch::kCPU, dtype}), there = nn::load_model(model.registry, "m", {kGpu, dtype});
  const auto expected = here->named_parameters();
  for (const auto& parameter : there->named_parameters()) {
    INFO(parameter.key());
    CHECK(torch::equal(parameter.value().to(torch::kCPU), expected[parameter.key()]));
  }
}

TEST_CASE("cuda: a part of many megabytes arrives whole", "[nn][cuda]") {
  if (no_gpu()) SKIP("no CUDA device");
  TestRegistry registry;
  TemporaryFolder folder;
  const auto source = test_data("real-models/meta-llama/Llama-3.2-1B");
  write_checkpoint(folder / "m", read_text(source / "config.json"), read_tensor_table(source / "tensors.tsv"));
  registry->register_model("m", open_checkpoint(folder / "m"));
  {  // numbers that differ from place to place
    const auto part = nn::get_module(registry.registry, "m", "ffn_3", {torch::kCPU});
    std::fstream file(folder / "m" / "model.safetensors", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(100'000'000);
    std::vector<std::uint16_t> numbers(50'000'000);
    for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<std::uint16_t>((i * 2654435761U >> 16) & 0x3fff);
    file.write(reinterpret_cast<const char*>(numbers.data()), static_cast<std::streamsize>(numbers.size() * 2));
  }
  TestRegistry again;
  again->register_model("m", open_checkpoint(folder / "m"));
  for (const auto* name : {"ffn_0", "layer_1", "embedding"}) {
    const auto here = nn::get_module(again.registry, "m", name, {torch::kCPU})->named_parameters();
    for (int round = 0; round < 3; ++round)
      for (const auto& parameter : nn::get_module(again.registry, "m", name, {kGpu})->named_parameters())
        CHECK(torch::equal(parameter.value().to(torch::kCPU), here[parameter.key()]));
  }
}

TEST_CASE("cuda: a head that is tied is there once", "[nn][cuda]") {
  if (no_gpu()) SKIP("no CUDA device");
  OnGpu model("llama-3.2-tied");
  const auto parameters = nn::load_model(model.registry, "m", {kGpu})->named_parameters();
  CHECK(parameters["embedding.weight"].data_ptr() == parameters["output_head.weight"].data_ptr());
}

TEST_CASE("cuda: captured steps give the tokens that the CPU gives", "[nn][cuda][generate]") {
  if (no_gpu()) SKIP("no CUDA device");
  const auto [variant, is_captured] = GENERATE(table<const char*, bool>({{"gpt2", true}, {"llama-3.1", true}, {"mistral", true}, {"gemma-2", true}, {"gemma-3-text", true}, {"phi-2", true}, {"qwen3", true}, {"phi-3-longrope", false}, {"mixtral", false}}));
  INFO(variant);
  OnGpu model(variant);
  const auto prompt = torch::arange(1, 9).reshape({2, 4});
  const auto here = nn::load_model(model.registry, "m", {torch::kCPU}), there = nn::load_model(model.registry, "m", {kGpu});
  CHECK(torch::equal(nn::generate(there, prompt, {.new_tokens = 24}), nn::generate(here, prompt, {.new_tokens = 24})));
  nn::Steps steps(there), expected(here);
  auto ours = steps.next(prompt), theirs = expected.next(prompt);
  for (int i = 0; i < 20; ++i) {
    CHECK(off(ours, theirs) <= 2e-5);
    const auto ids = theirs.argmax(-1, true);
    ours = steps.next(ids);
    theirs = expected.next(ids);
  }
  CHECK(steps.is_captured() == is_captured);
  // Several at once, and on with single ones.
  const auto more = torch::arange(10, 16).reshape({2, 3});
  CHECK(off(steps.next(more), expected.next(more)) <= 2e-5);
  CHECK_FALSE(steps.is_captured());
  for (int i = 0; i < 4; ++i) {
    const auto one = torch::tensor({{20 + i}, {30 + i}});
    CHECK(off(steps.next(one), expected.next(one)) <= 2e-5);
  }
  CHECK(steps.is_captured() == is_captured);
}

TEST_CASE("cuda: layers that do not stay give the same", "[nn][cuda][placement]") {
  if (no_gpu()) SKIP("no CUDA device");
  TemporaryFolder folder;
  auto config = test_config(folder / "catalog");
  config.devices.device = "cuda";
  config.devices.rules = {{.parts = "layer_*", .stay = false}};
  ModelRegistry registry(config);
  const auto variant = GENERATE("llama-3.1", "mixtral");
  registry.register_model("m", open_checkpoint(reference(variant)));
  const auto ids = torch::arange(12).reshape({2, 6});
  const auto passing = nn::load_model(registry, "m");
  CHECK(off(passing->forward(ids), nn::load_model(registry, "m", {torch::kCPU})->forward(ids)) <= 1e-5);
  CHECK(passing->named_parameters().size() == 3);
}

TEST_CASE("cuda: what is stored in an encoding gives the CPU's logits, decoded there at once or whenever it is used", "[nn][cuda][encoding]") {
  if (no_gpu()) SKIP("no CUDA device");
  const auto form = GENERATE("gguf/llama-Q8_0", "gguf/qwen2-Q4_K_M", "gguf/llama-big-endian", "quantised/awq/checkpoint", "quantised/bnb-nf4/checkpoint", "quantised/fp8-blocks/checkpoint", "quantised/gptq-act-order/checkpoint");
  INFO(form);
  TestRegistry registry;
  registry->register_model("m", open_checkpoint(test_data(form)));
  nn::ModuleOptions options{torch::kCPU, torch::kFloat32};
  const auto ids = torch::arange(1, 25).reshape({2, 12});
  const auto expected = nn::load_model(registry.registry, "m", options)->forward(ids);
  options.device = kGpu;
  const auto dense = nn::load_model(registry.registry, "m", options);
  CHECK(off(dense->forward(ids), expected) <= 1e-5);
  options.keep_packed = true;
  const auto packed = nn::load_model(registry.registry, "m", options);
  CHECK(packed->parameters().size() < dense->parameters().size());
  CHECK(off(packed->forward(ids), expected) <= 1e-5);
  CHECK(torch::equal(nn::generate(packed, ids, {.new_tokens = 8}), nn::generate(dense, ids, {.new_tokens = 8})));
}
