// bfloat16 and float16: which steps are computed in float32, and where the result is rounded.
#include <catch2/catch_test_macros.hpp>

#include <garage/checkpoint.hpp>
#include <garage/nn/get_module.hpp>

#include "is_error.hpp"
#include "tensor_file.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;

namespace {

constexpr auto kNarrow = torch::kBFloat16;

struct Narrow : TestRegistry {
  explicit Narrow(const std::string& variant) { registry.register_model("m", open_checkpoint(reference(variant))); }
  std::shared_ptr<nn::PartModule> module(const std::string& part, torch::ScalarType dtype = kNarrow) { return nn::get_module(registry, "m", part, {torch::kCPU, dtype}); }
};

float rounded(float x) { return static_cast<float>(c10::BFloat16(x)); }

// x / sqrt(mean(x^2) + eps), in float32.
std::vector<float> normalised(const torch::Tensor& x, double eps) {
  double sum = 0;
  for (std::int64_t i = 0; i < x.numel(); ++i) sum += std::pow(x[i].item<double>(), 2);
  std::vector<float> result;
  for (std::int64_t i = 0; i < x.numel(); ++i) result.push_back(static_cast<float>(x[i].item<double>() / std::sqrt(sum / static_cast<double>(x.numel()) + eps)));
  return result;
}

// Off by no more than one rounding step: the sum in another order may tip a value over.
void check_close(float ours, float theirs) { CHECK(std::abs(ours - theirs) <= std::abs(theirs) / 128); }

}  // namespace

TEST_CASE("narrow: Llama's norm rounds before the weight, Gemma's after it", "[nn][narrow]") {
  const auto input = torch::linspace(-3, 5, 32).to(kNarrow);
  int differ = 0;
  for (const bool gemma : {false, true}) {
    Narrow model(gemma ? "gemma" : "llama-2");
    const auto norm = model.module("norm");
    auto weight = norm->parameters().front();
    weight.copy_(torch::linspace(0.3, 1.7, 32));
    const auto output = norm->forward(input.reshape({1, 1, 32})).flatten();
    CHECK(output.scalar_type() == kNarrow);
    const auto normed = normalised(input, 1e-6);
    for (std::int64_t i = 0; i < 32; ++i) {
      const auto w = weight[i].item<float>();
      const auto llama_way = rounded(w * rounded(normed[i])), gemma_way = rounded((1 + w) * normed[i]);
      // LlamaRMSNorm: weight * x.to(dtype); GemmaRMSNorm: (x * (1 + weight.float())).to(dtype)
      check_close(output[i].item<float>(), gemma ? gemma_way : llama_way);
      differ += rounded((1 + w) * rounded(normed[i])) != gemma_way;
    }
  }
  CHECK(differ > 0);  // the two orders can be told apart on these numbers
}

TEST_CASE("narrow: Gemma's embedding is scaled by a factor that is rounded first", "[nn][narrow]") {
  Narrow model("gemma");
  const auto embedding = model.module("embedding");
  const auto ids = torch::arange(96).unsqueeze(0);
  const auto factor = rounded(std::sqrt(32.0F));
  CHECK(factor == 5.65625F);
  const auto expected = (embedding->parameters().front().to(torch::kFloat32) * factor).to(kNarrow);
  CHECK(torch::equal(embedding->forward(ids)[0], expected));
}

TEST_CASE("narrow: scores are weighed in float32 and rounded once", "[nn][narrow]") {
  Narrow model("llama-2");
  const auto attention = model.module("attention_0");
  auto p = attention->named_parameters();
  const auto x = torch::linspace(-2, 2, 6 * 32).reshape({1, 6, 32}).to(kNarrow);
  // eager_attention_forward at the first position, which sees itself alone: v, projected.
  const auto first = x.narrow(1, 0, 1);
  const auto expected = torch::matmul(torch::matmul(first, p["v.weight"].t()), p["o.weight"].t());
  CHECK(torch::allclose(attention->forward(x).narrow(1, 0, 1), expected, 0.02, 0.01));
  CHECK(attention->forward(x).scalar_type() == kNarrow);
}

TEST_CASE("narrow: a model in bfloat16 stays near the same in float32", "[nn][narrow]") {
  // No mixture: rounded scores may choose other experts, rightly so.
  for (const auto* variant : {"llama-3.2-tied", "gemma-2", "phi-3", "qwen2", "gpt2"}) {
    INFO(variant);
    Narrow model(variant);
    const auto ids = torch::arange(8).unsqueeze(0);
    const auto wide = nn::load_model(model.registry, "m", {torch::kCPU, torch::kFloat32})->forward(ids);
    const auto narrow = nn::load_model(model.registry, "m", {torch::kCPU, kNarrow})->forward(ids);
    CHECK(narrow.scalar_type() == kNarrow);
    // 8 bits of mantissa, some ten roundings in a row
    CHECK((narrow.to(torch::kFloat32) - wide).abs().max().item<double>() <= 0.1 * wide.abs().max().item<double>());
  }
}

TEST_CASE("narrow: float16 runs where LibTorch can, and says so where it cannot", "[nn][narrow]") {
  Narrow model("llama-2");
  const auto layer = model.module("layer_0", torch::kFloat16);
  try {
    const auto output = layer->forward(torch::ones({1, 2, 32}, torch::kFloat16));
    CHECK(output.scalar_type() == torch::kFloat16);
  } catch (const Error& error) {
    CHECK(error.code() == Errc::kUnsupported);
    CHECK(std::string(error.what()).find("does not compute it in float16 on the cpu; ask for float32 or bfloat16") != std::string::npos);
  }
}
