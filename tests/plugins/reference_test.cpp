// The reference checkpoints' specs, held against what tells how they were made: the configs that transformers wrote
// and transformers' own code (facts named beside each).
#include <cmath>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

TEST_CASE("reference: every variant registers, and counts each learned number once", "[plugins]") {
  // Sums of the element counts in the files' headers, less masks; llama-sharded's index says its own total_parameters.
  struct Case { const char* variant; std::int64_t parameters; std::size_t parts; };
  const auto c = GENERATE(values<Case>({{"gpt2", 43296, 19}, {"gpt2-hub", 43296, 19}, {"gpt2-scaled-attn", 16132, 14},
                                        {"llama-2", 34784, 19}, {"llama-3.1", 31712, 19}, {"llama-3.1-v4", 31712, 19},
                                        {"llama-3.2-tied", 28640, 19}, {"llama-biased", 34760, 19}, {"llama-sharded", 44320, 24}}));
  DYNAMIC_SECTION(c.variant) {
    const auto spec = registered(c.variant);
    CHECK(spec->parameters == c.parameters);
    CHECK(spec->parts.size() == c.parts);
    std::int64_t in_headers = 0;
    const auto model = open_checkpoint(reference(c.variant));
    for (const auto& tensor : model.tensors())
      if (!tensor.name.ends_with(".attn.bias") && !tensor.name.ends_with(".masked_bias")) in_headers += tensor.elements();
    CHECK(spec->parameters == in_headers);
  }
}

TEST_CASE("reference: a spec reads back from its document as it was", "[plugins]") {
  for (const auto& variant : kVariants) {
    const auto spec = registered(variant);
    CHECK(read_spec(write_spec(*spec), variant) == *spec);
  }
}

TEST_CASE("gpt2: its fused, transposed projections are told as plain q, k and v", "[plugins][gpt2]") {
  const auto spec = registered("gpt2");
  const auto& attention = blueprint<Attention>(*spec, "attention_2");
  using Kind = ViewStep::Kind;
  CHECK(attention.heads == 4);
  CHECK(attention.kv_heads == 4);
  CHECK(attention.scale == Catch::Approx(1 / std::sqrt(8.0)).epsilon(1e-15));
  CHECK(attention.k.weight == TensorRef{"transformer.h.2.attn.c_attn.weight", {{Kind::transpose, {0, 1}}, {Kind::narrow, {0, 32, 32}}}});
  CHECK(attention.v.bias == TensorRef{"transformer.h.2.attn.c_attn.bias", {{Kind::narrow, {0, 64, 32}}}});
  CHECK(attention.o.weight == TensorRef{"transformer.h.2.attn.c_proj.weight", {{Kind::transpose, {0, 1}}}});
  CHECK_FALSE(attention.rope.has_value());
  CHECK(attention.causal);
  CHECK(blueprint<FeedForward>(*spec, "ffn_0").activation == "gelu_new");
  CHECK_FALSE(blueprint<FeedForward>(*spec, "ffn_0").gate.has_value());
  CHECK(blueprint<Norm>(*spec, "ln_f").kind == NormKind::layer);
  CHECK(blueprint<Norm>(*spec, "ln_f").eps == 1e-5);
  CHECK(blueprint<Embedding>(*spec, "pos_embedding").indexed_by == IndexedBy::positions);
  CHECK(blueprint<OutputHead>(*spec, "output_head").tied_to == "embedding");
  CHECK(spec->assembly == std::vector<std::string>{"embedding", "pos_embedding", "layer_0", "layer_1", "layer_2", "ln_f", "output_head"});
  CHECK(spec->parts.find("layer_1")->children == std::vector<std::string>{"ln_1_1", "attention_1", "ln_2_1", "ffn_1"});
  CHECK(blueprint<Layer>(*spec, "layer_1").join == LayerJoin::sequential);
}

TEST_CASE("gpt2: a file without prefix, and with masks, is the same model", "[plugins][gpt2]") {
  const auto plain = registered("gpt2"), hub = registered("gpt2-hub");
  CHECK(hub->get_attention(0)->module_path == "transformer.h.0.attn");
  CHECK(blueprint<Attention>(*hub, "attention_0").q.weight.tensor == "h.0.attn.c_attn.weight");
  REQUIRE(hub->ignored.size() == 2);
  CHECK(hub->ignored[0] == IgnoredTensors{"h.*.attn.bias", 3, "the causal mask, not a bias"});
  CHECK(hub->ignored[1].count == 3);
  CHECK(hub->parameters == plain->parameters);
}

TEST_CASE("gpt2: scale_attn_by_inverse_layer_idx, n_inner, eps, activation and an own head are read", "[plugins][gpt2]") {
  const auto spec = registered("gpt2-scaled-attn");
  CHECK(blueprint<Attention>(*spec, "attention_0").scale == Catch::Approx(1 / std::sqrt(8.0)));
  CHECK(blueprint<Attention>(*spec, "attention_1").scale == Catch::Approx(1 / std::sqrt(8.0) / 2));
  CHECK(spec->get_ffn(0)->intermediate_dim == 50);
  CHECK(blueprint<FeedForward>(*spec, "ffn_0").activation == "gelu");
  CHECK(blueprint<Norm>(*spec, "ln_1_0").eps == 1e-3);
  CHECK(spec->parts.find("output_head")->extra_info.at("tie") == "none");
  CHECK(blueprint<OutputHead>(*spec, "output_head").projection.weight.tensor == "lm_head.weight");
}

TEST_CASE("gpt2: unscaled attention, and the other spelling of its keys", "[plugins][gpt2]") {
  Draft draft("gpt2");
  draft.config["scale_attn_weights"] = false;
  CHECK(blueprint<Attention>(*draft.register_it(), "attention_0").scale == 1);
  for (const auto& [own, common] : {std::pair{"n_embd", "hidden_size"}, {"n_layer", "num_hidden_layers"}, {"n_head", "num_attention_heads"}, {"n_positions", "max_position_embeddings"}}) {
    draft.config[common] = draft.config.at(own);
    draft.config.erase(own);
  }
  CHECK(draft.register_it()->parameters == 43296);
}

TEST_CASE("gpt2: without a config it is recognised, and asks for one", "[plugins][gpt2]") {
  TestRegistry registry;
  for (const auto* variant : {"gpt2", "gpt2-hub"}) {
    Model model(Draft(variant).tensors);
    CHECK(registry->plugins().choose(model, "x").claim.score == 60);
    try {
      registry->register_model("x", model);
      FAIL("registered without a config");
    } catch (const Error& error) {
      CHECK(error.code() == Errc::kNotFound);
      CHECK(std::string(error.what()).find("has no config: how many heads there are cannot be told") != std::string::npos);
    }
  }
  CHECK(registry->detect_family(Model(Draft("llama-2").tensors), "llama") == "unknown");
}

TEST_CASE("gpt2: Linear layers under its names are somebody else's", "[plugins][gpt2]") {
  // Qwen-1 and GPT-BigCode store c_attn [out, in].
  Draft draft("gpt2");
  for (auto& tensor : draft.tensors)
    if (tensor.name.ends_with("c_attn.weight")) std::swap(tensor.shape[0], tensor.shape[1]);
  TestRegistry registry;
  CHECK(registry->detect_family(Model(draft.tensors), "gpt2") == "unknown");
}

TEST_CASE("llama: grouped heads, its own head_dim, biases and activation are read", "[plugins][llama]") {
  const auto spec = registered("llama-biased");
  const auto& attention = blueprint<Attention>(*spec, "attention_1");
  CHECK(attention.heads == 4);
  CHECK(attention.kv_heads == 1);
  CHECK(attention.head_dim == 12);
  CHECK(attention.scale == Catch::Approx(1 / std::sqrt(12.0)));
  CHECK(attention.o.bias == TensorRef{"model.layers.1.self_attn.o_proj.bias", {}});
  CHECK(attention.rope->scaling.kind == RopeScalingKind::linear);
  CHECK(attention.rope->scaling.factor == 2);
  CHECK(attention.rope->dims == 12);
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
    CHECK(blueprint<Attention>(*spec, "attention_0").rope == rope);
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
  CHECK(spec->assembly.back() == "norm");
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
