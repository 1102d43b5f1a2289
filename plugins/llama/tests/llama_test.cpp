// Llama's specs, held against transformers' own code and the configs that it wrote.
#include <cmath>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

#include "variants.hpp"

using namespace garage;
using namespace garage::test;

TEST_CASE("llama: grouped heads, its own head_dim, biases and activation are read", "[plugins][llama]") {
  const auto spec = registered("llama-biased");
  const auto& attention = blueprint<Attention>(*spec, "attention_1");
  CHECK(attention.heads == 4);
  CHECK(attention.kv_heads == 1);
  CHECK(attention.qk_dim == 12);
  CHECK(attention.scale == Catch::Approx(1 / std::sqrt(12.0)));
  CHECK(attention.o.bias == TensorRef{"model.layers.1.self_attn.o_proj.bias", {}});
  CHECK(rope(attention).scaling.kind == RopeScalingKind::linear);
  CHECK(rope(attention).scaling.factor == 2);
  CHECK(rope(attention).dims == 12);
  const auto& ffn = blueprint<FeedForward>(*spec, "ffn_0");
  CHECK(ffn.activation == "gelu");
  CHECK(ffn.gate->bias.has_value());
  CHECK(ffn.down.bias->tensor == "model.layers.0.mlp.down_proj.bias");
}

TEST_CASE("llama: the llama3 rope is read in the keys of transformers 4 and 5", "[plugins][llama]") {
  const auto v5 = registered("llama-3.1"), v4 = registered("llama-3.1-v4");
  for (const auto& spec : {v5, v4}) {
    const auto& rope = blueprint<Rope>(*spec, "rotary_emb");
    CHECK(rope.theta == 500000);
    CHECK(rope.pairing == RopePairing::half);
    CHECK(rope.scaling.kind == RopeScalingKind::llama3);
    CHECK(rope.scaling.factor == 8);
    CHECK(rope.scaling.low_freq_factor == 1);
    CHECK(rope.scaling.high_freq_factor == 4);
    CHECK(rope.scaling.original_max_position_embeddings == 32);
    CHECK(std::get<Rope>(blueprint<Attention>(*spec, "attention_0").position) == rope);
  }
  CHECK(v5->parts == v4->parts);
  CHECK(v5->extra_info == v4->extra_info);
}

TEST_CASE("llama: norms are rms, with the config's eps", "[plugins][llama]") {
  const auto spec = registered("llama-3.1");
  const auto& norm = blueprint<Norm>(*spec, "post_attention_layernorm_2");
  CHECK(norm.kind == NormKind::rms);
  CHECK(norm.eps == 1e-5);
  CHECK(norm.weight_offset == 0);
  CHECK_FALSE(norm.multiply_before_cast);
  CHECK_FALSE(norm.bias.has_value());
  CHECK(blueprint<Norm>(*registered("llama-2"), "norm").eps == 1e-6);
}

TEST_CASE("llama: a checkpoint of the base class has no prefix and no head", "[plugins][llama]") {
  Draft draft("llama-2");
  draft.strip("model.");
  draft.drop("lm_head.weight");
  draft.config["architectures"] = {"LlamaModel"};
  const auto spec = draft.register_it();
  CHECK(spec->parts.find("output_head") == nullptr);
  CHECK(steps(*spec).back() == "norm");
  CHECK(spec->get_attention(0)->module_path == "layers.0.self_attn");
  CHECK(blueprint<Embedding>(*spec, "embedding").weight.tensor == "embed_tokens.weight");
}

TEST_CASE("llama: a causal model's file may lack the prefix", "[plugins][llama]") {
  Draft draft("llama-2");
  draft.strip("model.");
  const auto spec = draft.register_it();
  CHECK(spec->get_attention(0)->module_path == "model.layers.0.self_attn");
  CHECK(spec->parameters == 34784);
}

TEST_CASE("llama: old rotary tensors are left out, and say why", "[plugins][llama]") {
  Draft draft("llama-2");
  for (int i = 0; i < 3; ++i) draft.tensors.push_back({"model.layers." + std::to_string(i) + ".self_attn.rotary_emb.inv_freq", DType::kF32, {4}});
  const auto spec = draft.register_it();
  REQUIRE(spec->ignored.size() == 1);
  CHECK(spec->ignored[0] == IgnoredTensors{"model.layers.*.self_attn.rotary_emb.inv_freq", 3, "recomputed from rope_theta"});
  CHECK(spec->parameters == 34784);
}

TEST_CASE("llama: what the config leaves out is LlamaConfig's default", "[plugins][llama]") {
  Draft draft("llama-2");
  for (const auto* key : {"hidden_act", "rms_norm_eps", "rope_parameters", "attention_bias", "mlp_bias", "tie_word_embeddings", "num_key_value_heads", "head_dim", "max_position_embeddings"})
    draft.config.erase(key);
  const auto spec = draft.register_it();
  CHECK(spec->max_seq_len == 2048);
  CHECK(blueprint<Norm>(*spec, "norm").eps == 1e-6);
  CHECK(blueprint<FeedForward>(*spec, "ffn_0").activation == "silu");
  CHECK(blueprint<Attention>(*spec, "attention_0").kv_heads == 4);
  CHECK(blueprint<Rope>(*spec, "rotary_emb").theta == 10000);
}
