#include <garage/sdk/attention.hpp>
#include <garage/sdk/stack_builder.hpp>

#include <catch2/catch_test_macros.hpp>

using namespace garage;
using namespace garage::sdk;

namespace {

Attention attention(std::int64_t kv_heads, const GqaOptions& options, boost::json::object config = {}) {
  const Model model({{"model.layers.0.attn.qkv.weight", DType::kF32, {1, 1}}}, std::move(config));
  const StackDims dims = {.hidden = 16, .layers = 1, .heads = 4, .kv_heads = kv_heads, .head_dim = 4, .vocab = 10};
  StackBuilder text(model, {.family = "x"}, dims);
  for (auto& layer : text.layers()) layer.stage({.norm = layer.norm("norm", rms(1)), .op = gqa(layer, "attn", options)});
  return std::get<Attention>(text.finish().parts.find("attention_0")->blueprint.value());
}

std::string steps(const TensorRef& ref) {
  constexpr const char* kNames[] = {"select", "narrow", "transpose", "view"};
  auto text = ref.tensor;
  for (const auto& step : ref.view) {
    text += std::string(" ") + kNames[static_cast<int>(step.kind)];
    for (const auto number : step.arguments) text += " " + std::to_string(number);
  }
  return text;
}

}  // namespace

TEST_CASE("attention: q, k and v are rows of one projection, one after another", "[sdk][attention]") {
  const auto made = attention(2, {.qkv = fused_qkv("qkv"), .bias = true});
  CHECK(steps(std::get<Linear>(made.q).weight) == "model.layers.0.attn.qkv.weight narrow 0 0 16");
  CHECK(steps(std::get<Linear>(*made.k).weight) == "model.layers.0.attn.qkv.weight narrow 0 16 8");
  CHECK(steps(std::get<Linear>(*made.v).bias.value()) == "model.layers.0.attn.qkv.bias narrow 0 24 8");
  CHECK(made.scale == 0.5);
}

TEST_CASE("attention: q, k and v lie together by kv head", "[sdk][attention]") {
  const auto neox = attention(4, {.qkv = fused_qkv("qkv", FusedRows::by_group)});
  CHECK(steps(std::get<Linear>(neox.q).weight) == "model.layers.0.attn.qkv.weight view 4 3 4 16 select 1 0 view 16 16");
  CHECK(steps(std::get<Linear>(*neox.v).weight) == "model.layers.0.attn.qkv.weight view 4 3 4 16 select 1 2 view 16 16");
  const auto grouped = attention(2, {.qkv = fused_qkv("qkv", FusedRows::by_group), .bias = true});
  CHECK(steps(std::get<Linear>(grouped.q).weight) == "model.layers.0.attn.qkv.weight view 2 4 4 16 narrow 1 0 2 view 16 16");
  CHECK(steps(std::get<Linear>(*grouped.k).weight) == "model.layers.0.attn.qkv.weight view 2 4 4 16 select 1 2 view 8 16");
  CHECK(steps(std::get<Linear>(*grouped.v).bias.value()) == "model.layers.0.attn.qkv.bias view 2 4 4 select 1 3 view 8");
}

TEST_CASE("attention: a config that is not causal looks both ways, its window one position further", "[sdk][attention]") {
  const auto made = attention(4, {.window = 8}, {{"is_causal", false}});
  CHECK_FALSE(made.mask.causal);
  CHECK(made.mask.window == 9);
}

TEST_CASE("attention: heads of its own go before the stack's", "[sdk][attention]") {
  const auto made = attention(2, {.qkv = fused_qkv("qkv"), .heads = 8, .kv_heads = 1, .head_dim = 2});
  CHECK(made.heads == 8);
  CHECK(steps(std::get<Linear>(*made.v).weight) == "model.layers.0.attn.qkv.weight narrow 0 18 2");
}
