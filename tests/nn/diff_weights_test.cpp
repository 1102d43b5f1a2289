#include <garage/nn/diff_weights.hpp>

#include <cmath>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <garage/checkpoint.hpp>
#include <garage/nn/get_module.hpp>
#include <garage/safetensors.hpp>

#include "is_error.hpp"
#include "run_program.hpp"
#include "tensor_file.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

// reference/llama-2, with some tensors changed.
void write_changed(const fs::path& folder, const std::function<void(std::map<std::string, torch::Tensor>&)>& change) {
  auto tensors = read_tensors(reference("llama-2") / "model.safetensors");
  change(tensors);
  fs::create_directories(folder);
  fs::copy_file(reference("llama-2") / "config.json", folder / "config.json");
  std::vector<SafetensorsData> data;
  for (const auto& [name, tensor] : tensors) data.push_back({{name, DType::kF32, tensor.sizes().vec()}, tensor.data_ptr()});
  write_safetensors(folder / "model.safetensors", std::move(data), {{"format", "pt"}});
}

const nn::WeightDifference& of(const nn::WeightComparison& comparison, const std::string& part) {
  for (const auto& each : comparison.parts)
    if (each.part == part) return each;
  throw std::runtime_error("no part " + part);
}

}  // namespace

TEST_CASE("diff weights: what was touched is found, and how far it went", "[nn][diff]") {
  TestRegistry registry;
  write_changed(registry.folder / "tuned", [](auto& tensors) {
    tensors.at("model.layers.1.mlp.up_proj.weight").add_(0.01);
    tensors.at("model.norm.weight").mul_(-1);
    tensors.at("model.layers.0.input_layernorm.weight")[3] += 0.5;
  });
  registry->register_model("base", open_checkpoint(reference("llama-2")));
  registry->register_model("tuned", open_checkpoint(registry.folder / "tuned"));
  const auto comparison = nn::diff_weights(registry.registry, "base", "tuned");
  CHECK(comparison.left_out.empty());
  CHECK(comparison.parts.size() == 15);  // embedding, 3 layers of attention, ffn and two norms, norm, head
  std::vector<std::string> touched;
  for (const auto& part : comparison.parts)
    if (!part.equal) touched.push_back(part.part);
  CHECK(touched == std::vector<std::string>{"input_layernorm_0", "ffn_1", "norm"});

  // By hand, number by number.
  const auto tensors = read_tensors(reference("llama-2") / "model.safetensors");
  double norm = 0, dot = 0, other = 0;
  for (const auto* name : {"gate_proj", "up_proj", "down_proj"}) {
    const auto flat = tensors.at("model.layers.1.mlp." + std::string(name) + ".weight").flatten();
    for (std::int64_t i = 0; i < flat.numel(); ++i) {
      const double x = flat[i].item<float>();
      const double y = std::string(name) == "up_proj" ? static_cast<float>(x + 0.01) : x;
      norm += x * x;
      other += y * y;
      dot += x * y;
    }
  }
  const auto& ffn = of(comparison, "ffn_1");
  CHECK(ffn.relative_norm == Catch::Approx(std::sqrt(56 * 32 * 0.01 * 0.01 / norm)).epsilon(1e-4));
  CHECK(ffn.cosine == Catch::Approx(dot / std::sqrt(norm * other)).epsilon(1e-6));
  CHECK(ffn.largest == Catch::Approx(0.01).epsilon(1e-4));
  CHECK(of(comparison, "norm").cosine == Catch::Approx(-1));
  CHECK(of(comparison, "norm").relative_norm == Catch::Approx(2));
  CHECK(of(comparison, "input_layernorm_0").largest == Catch::Approx(0.5));
}

TEST_CASE("diff weights: what cannot be compared is left out, with the reason", "[nn][diff]") {
  TestRegistry registry;
  for (const auto* variant : {"llama-2", "llama-3.1", "qwen2-mha"}) registry->register_model(variant, open_checkpoint(reference(variant)));
  const auto comparison = nn::diff_weights(registry.registry, "llama-2", "llama-3.1");
  REQUIRE(comparison.left_out.size() == 3);
  CHECK(comparison.left_out[0] == "attention_0: k.weight is [32, 32] and [16, 32]");
  CHECK(nn::diff_weights(registry.registry, "llama-2", "qwen2-mha").left_out.at(0) == "attention_0: it has 4 tensors, the second model's 7");
  CHECK_THROWS_MATCHES(nn::diff_weights(registry.registry, "llama-2", "other"), Error, is_error(Errc::kNotFound, "model 'other' is not registered"));
}

TEST_CASE("diff weights: parts in use keep what was written to them", "[nn][diff]") {
  TestRegistry registry;
  registry->register_model("m", open_checkpoint(reference("llama-2")));
  const auto module = nn::get_module(registry.registry, "m", "ffn_0");
  auto weight = module->parameters().front();
  weight.fill_(3);
  CHECK(of(nn::diff_weights(registry.registry, "m", "m"), "ffn_0").equal);
  CHECK(weight.eq(3).all().item<bool>());
}

TEST_CASE("cli: diff-weights tells what was touched", "[nn][cli][diff]") {
  TemporaryFolder folder;
  write_changed(folder / "tuned", [](auto& tensors) { tensors.at("model.layers.2.self_attn.q_proj.weight").mul_(1.5); });
  const auto garage = [&](std::vector<std::string> arguments) { return run_program(garage_binary(), arguments, {{"GARAGE_CATALOG", (folder / "catalog").string()}, {"HOME", folder.path().string()}}); };
  garage({"register", "base", reference("llama-2").string()});
  garage({"register", "tuned", (folder / "tuned").string()});
  const auto text = garage({"diff-weights", "base", "tuned"});
  CHECK(text.code == 0);
  CHECK_THAT(text.out, ContainsSubstring("attention_2  attention") && ContainsSubstring("14 of 15 parts are equal, bit by bit"));
  CHECK_THAT(garage({"diff-weights", "base", "tuned", "--json"}).out, ContainsSubstring("\"relative_norm\""));
  CHECK(garage({"diff-weights", "base", "tune"}).code == 6);
}
