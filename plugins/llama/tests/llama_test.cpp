// Llama's specs, held against transformers' own code and the configs that it wrote.
#include <cmath>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
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

TEST_CASE("llama4: chunks with a rope, all without one, whose queries grow", "[plugins][llama4]") {
  const auto spec = registered("llama/llama4-text");
  CHECK(spec->family == "llama");
  const auto& chunked = blueprint<Attention>(*spec, "attention_0");
  CHECK(chunked.mask.chunk == 4);
  CHECK(rope(chunked).pairing == RopePairing::interleaved);
  CHECK(rope(chunked).theta == 500000);
  CHECK(chunked.norms_after_position == true);
  CHECK_FALSE(chunked.q_norm->weight.has_value());
  CHECK_FALSE(chunked.query_scale.has_value());
  const auto& whole = blueprint<Attention>(*spec, "attention_2");
  CHECK_FALSE(whole.mask.chunk.has_value());
  CHECK(std::holds_alternative<std::monostate>(whole.position));
  CHECK_FALSE(whole.q_norm.has_value());
  CHECK(whole.query_scale == QueryScale{.beta = 0.1, .step = 4, .first = 1, .by_order = true, .multiply_before_cast = true});
  const auto& mixture = blueprint<Mixture>(*spec, "ffn_1");
  CHECK(mixture.weighs_input == true);
  CHECK(mixture.shared_expert == "shared_expert_1");
  CHECK_FALSE(mixture.shared_expert_gate.has_value());
  CHECK(blueprint<Router>(*spec, "gate_1").scoring == Scoring::sigmoid);
  using Kind = ViewStep::Kind;
  CHECK(blueprint<FeedForward>(*spec, "expert_1_2").up.weight == TensorRef{"model.layers.1.feed_forward.experts.gate_up_proj", {{Kind::select, {0, 2}}, {Kind::transpose, {0, 1}}, {Kind::narrow, {0, 12, 12}}}});
  CHECK(blueprint<FeedForward>(*spec, "ffn_0").up.out == 24);  // intermediate_size_mlp
}

TEST_CASE("llama4: what the config leaves out follows from what it says", "[plugins][llama4]") {
  Draft draft("llama/llama4-text");
  const auto spec = draft.register_it();
  draft.config["no_rope_layer_interval"] = 3;
  for (const auto* key : {"no_rope_layers", "layer_types", "moe_layers", "attn_scale", "use_qk_norm", "attn_temperature_tuning"}) draft.config.erase(key);
  CHECK(draft.register_it()->parts == spec->parts);
  draft.config["no_rope_layers"] = boost::json::array{};  // as good as none
  CHECK(draft.register_it()->parts == spec->parts);
  draft.config["use_qk_norm"] = false;
  draft.config["attn_temperature_tuning"] = false;
  const auto plain = draft.register_it();
  CHECK_FALSE(blueprint<Attention>(*plain, "attention_0").q_norm.has_value());
  CHECK_FALSE(blueprint<Attention>(*plain, "attention_2").query_scale.has_value());
  draft.config["no_rope_layers"] = boost::json::array{1, 0};
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "'no_rope_layers'"));
  draft.config.erase("no_rope_layers");
  draft.config["attention_chunk_size"] = nullptr;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "'attention_chunk_size'"));
}
