// What tells the Qwens apart, held against transformers' own code and the configs that it wrote.
#include <catch2/catch_test_macros.hpp>

#include <garage/tensor_roles.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

TEST_CASE("qwen2: q, k and v have a bias, o has none; windows from max_window_layers on", "[plugins][qwen]") {
  const auto spec = registered("qwen2");
  const auto& attention = blueprint<Attention>(*spec, "attention_0");
  CHECK(linear(attention.q).bias.has_value());
  CHECK(linear(attention.v).bias.has_value());
  CHECK_FALSE(attention.o.bias.has_value());
  CHECK(windows(*spec) == Windows{0, 0, 0});
  CHECK(windows(*registered("qwen2-tied")) == Windows{0, 5, 5});
  Draft draft("qwen2-tied");
  draft.config.erase("layer_types");
  CHECK(windows(*draft.register_it()) == Windows{0, 5, 5});
  draft.config["use_sliding_window"] = false;
  CHECK(windows(*draft.register_it()) == Windows{0, 0, 0});
}

TEST_CASE("qwen2-moe: which layers are sparse, what the shared expert is, and how experts are scored", "[plugins][qwen]") {
  const auto spec = registered("qwen2-moe");
  const auto& mixture = blueprint<Mixture>(*spec, "ffn_0");
  CHECK(blueprint<Router>(*spec, "gate_0").scoring == Scoring::softmax);
  CHECK_FALSE(blueprint<Router>(*spec, "gate_0").renormalise);
  CHECK(mixture.shared_expert == "shared_expert_0");
  CHECK(mixture.shared_expert_gate->weight.tensor == "model.layers.0.mlp.shared_expert_gate.weight");
  CHECK(spec->parts.find("shared_expert_0")->intermediate_dim == 36);
  CHECK(spec->parts.find("expert_0_0")->intermediate_dim == 20);
  CHECK(std::holds_alternative<FeedForward>(*spec->get_ffn(1)->blueprint));  // mlp_only_layers
  CHECK(spec->get_ffn(1)->intermediate_dim == 56);
  CHECK(spec->parts.find("gate_1") == nullptr);
}

TEST_CASE("qwen2-moe: decoder_sparse_step makes every n-th layer sparse", "[plugins][qwen]") {
  // The same tensors: layers 0 and 2 are sparse. Every second one would be 1 alone.
  Draft draft("qwen2-moe");
  draft.config["decoder_sparse_step"] = 2;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "model.layers.0.mlp"));
  draft.config["decoder_sparse_step"] = 1;
  draft.config["mlp_only_layers"] = boost::json::array{};
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "there are 4 experts, the tensors have 0 (model.layers.1.mlp.experts"));
}

TEST_CASE("qwen3: norms over q and k, heads of their own width, no bias", "[plugins][qwen]") {
  const auto spec = registered("qwen3");
  const auto& attention = blueprint<Attention>(*spec, "attention_0");
  CHECK(attention.q_norm->kind == NormKind::rms);
  CHECK(attention.q_norm->weight_offset == 0);
  CHECK(attention.qk_dim == 12);
  CHECK_FALSE(linear(attention.q).bias.has_value());
  const auto moe = registered("qwen3-moe");
  CHECK(blueprint<Router>(*moe, "gate_2").renormalise);
  CHECK_FALSE(blueprint<Mixture>(*moe, "ffn_2").shared_expert.has_value());
}

TEST_CASE("qwen-1: GPT-2's names, Llama's mathematics, half the config's width", "[plugins][qwen]") {
  const auto spec = registered("qwen-1");
  CHECK(spec->get_ffn(0)->intermediate_dim == 56);
  CHECK(blueprint<Norm>(*spec, "ln_1_0").kind == NormKind::rms);
  const auto& attention = blueprint<Attention>(*spec, "attention_0");
  CHECK(linear(attention.k).weight == TensorRef{"transformer.h.0.attn.c_attn.weight", {{ViewStep::Kind::narrow, {0, 32, 32}}}});
  CHECK(linear(attention.q).bias.has_value());
  CHECK_FALSE(attention.o.bias.has_value());
  CHECK(rope(attention).dims == 8);
}

TEST_CASE("layouts: Qwen-1's and Qwen2's checkpoints of the same weights compute the same", "[plugins][layouts][qwen]") {
  // reference/qwen-1 was derived from reference/qwen2-mha: w1 is up, w2 is gate.
  const auto one = registered("qwen-1"), two = registered("qwen2-mha");
  CHECK(one->parameters == two->parameters);
  for (const auto* part : {"attention_2", "ffn_2"}) {
    auto a = *one->parts.find(part), b = *two->parts.find(part);
    for (auto* each : {&a, &b})
      for (const auto& role : tensor_roles(*each)) const_cast<TensorRef&>(*role.ref) = {};
    CHECK(a.blueprint == b.blueprint);
  }
  CHECK(blueprint<FeedForward>(*one, "ffn_0").gate->weight.tensor == "transformer.h.0.mlp.w2.weight");
}

TEST_CASE("heads: Qwen-VL is refused by its encoder", "[plugins][heads][qwen]") {
  Draft draft("qwen-1");
  draft.tensors.push_back({"transformer.visual.proj", DType::kF32, {32, 32}});
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "Qwen-VL and Qwen-Audio are not handled"));
}

TEST_CASE("look-alikes: a Qwen model is one whatever its folder and its id say", "[plugins][lookalikes]") {
  TestRegistry registry;
  const auto folder = registry.folder / "dolphin-llama-gpt2-phi";
  std::filesystem::copy(reference("qwen2"), folder, std::filesystem::copy_options::recursive);
  CHECK(registry->register_model("mistral-gemma", open_checkpoint(folder))->family == "qwen");
}
