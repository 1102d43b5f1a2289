// What tells Phi-2, Phi-3 and PhiMoE apart, held against transformers' own code and the configs that it wrote.
#include <cmath>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;
using Catch::Approx;

TEST_CASE("phi-2: attention and feed-forward side by side, part of each head turned, a head with bias", "[plugins][phi]") {
  const auto spec = registered("phi-2");
  // Both of the one norm's result.
  CHECK(blueprint<Layer>(*spec, "layer_0") == Layer{{{.branches = {{.norm = "input_layernorm_0", .op = "attention_0"}, {.norm = "input_layernorm_0", .op = "ffn_0"}}}}});
  CHECK(rope(blueprint<Attention>(*spec, "attention_0")).dims == 4);
  CHECK(blueprint<Attention>(*spec, "attention_0").o.weight.tensor == "model.layers.0.self_attn.dense.weight");
  CHECK(blueprint<OutputHead>(*spec, "output_head").projection.bias->tensor == "lm_head.bias");
  CHECK(blueprint<Norm>(*spec, "final_layernorm").kind == NormKind::layer);
  CHECK_FALSE(blueprint<FeedForward>(*spec, "ffn_0").gate.has_value());
}

TEST_CASE("phi: qk_layernorm is a LayerNorm with bias over each head", "[plugins][phi]") {
  const auto spec = registered("phi-qk-norm");
  const auto& attention = blueprint<Attention>(*spec, "attention_1");
  CHECK(attention.q_norm->kind == NormKind::layer);
  CHECK(attention.q_norm->bias->tensor == "model.layers.1.self_attn.q_layernorm.bias");
  CHECK(rope(attention).dims == 2);
  CHECK(attention.kv_heads == 2);
}

TEST_CASE("phi-3: fused projections are told as rows of q, k, v, gate and up", "[plugins][phi]") {
  const auto spec = registered("phi-3");
  using Kind = ViewStep::Kind;
  const auto& attention = blueprint<Attention>(*spec, "attention_0");
  CHECK(linear(attention.q).weight == TensorRef{"model.layers.0.self_attn.qkv_proj.weight", {{Kind::narrow, {0, 0, 32}}}});
  CHECK(linear(attention.k).weight == TensorRef{"model.layers.0.self_attn.qkv_proj.weight", {{Kind::narrow, {0, 32, 16}}}});
  CHECK(linear(attention.v).weight == TensorRef{"model.layers.0.self_attn.qkv_proj.weight", {{Kind::narrow, {0, 48, 16}}}});
  const auto& ffn = blueprint<FeedForward>(*spec, "ffn_0");
  CHECK(ffn.gate->weight == TensorRef{"model.layers.0.mlp.gate_up_proj.weight", {{Kind::narrow, {0, 0, 56}}}});
  CHECK(ffn.up.weight == TensorRef{"model.layers.0.mlp.gate_up_proj.weight", {{Kind::narrow, {0, 56, 56}}}});
  CHECK(rope(blueprint<Attention>(*registered("phi-4-mini"), "attention_0")).dims == 6);
}

TEST_CASE("phi-3: longrope, under its three names and in the keys of transformers 4 and 5", "[plugins][phi]") {
  const auto v5 = registered("phi-3-longrope");
  const auto& scaling = blueprint<Rope>(*v5, "rotary_emb").scaling;
  CHECK(scaling.kind == RopeScalingKind::longrope);
  CHECK(scaling.short_factor == std::vector<double>{1.0, 1.1, 1.3, 1.6});
  CHECK(scaling.long_factor == std::vector<double>{1.1, 2.0, 5.0, 13.0});
  CHECK(scaling.original_max_position_embeddings == 8);
  // _compute_longrope_parameters: sqrt(1 + ln(256 / 8) / ln(8))
  CHECK(*scaling.attention_factor == Approx(std::sqrt(1 + std::log(32.0) / std::log(8.0))).epsilon(1e-12));
  for (const auto* type : {"longrope", "su", "yarn"}) {
    Draft draft("phi-3-longrope");
    draft.config.erase("rope_parameters");
    draft.config["rope_theta"] = 10000.0;
    draft.config["rope_scaling"] = {{"type", type}, {"short_factor", {1.0, 1.1, 1.3, 1.6}}, {"long_factor", {1.1, 2.0, 5.0, 13.0}}};
    CHECK(draft.register_it()->parts == v5->parts);
  }
  Draft exact("phi-3-longrope");  // Microsoft's own are float32 numbers, written as doubles
  exact.config.at("rope_parameters").as_object()["long_factor"] = {1.0399999618530273, 1.8300000429153442, 3.9000000953674316, 9.100000381469727};
  CHECK(blueprint<Rope>(*exact.register_it(), "rotary_emb").scaling.long_factor ==
        std::vector<double>{1.0399999618530273, 1.8300000429153442, 3.9000000953674316, 9.100000381469727});
  Draft draft("phi-3-longrope");
  draft.config.at("rope_parameters").as_object()["short_factor"] = {1.0};
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "'short_factor' is [1E0], should be a list of 4 numbers"));
}

TEST_CASE("phi-moe: LayerNorms, biases, the sparsemixer", "[plugins][phi]") {
  const auto spec = registered("phi-moe");
  const auto& router = blueprint<Router>(*spec, "gate_0");
  CHECK(router.scoring == Scoring::sparsemixer);
  CHECK(router.jitter == 0.01);
  CHECK(blueprint<Norm>(*spec, "norm").kind == NormKind::layer);
  CHECK(blueprint<Norm>(*spec, "norm").eps == 1e-5);
  CHECK(blueprint<Attention>(*spec, "attention_0").o.bias.has_value());
  CHECK(blueprint<OutputHead>(*spec, "output_head").projection.bias.has_value());
  CHECK(router.scores.weight.tensor == "model.layers.0.block_sparse_moe.gate.weight");
  CHECK(spec->parts.find("gate_0")->module_path == "model.layers.0.mlp.router");
  Draft draft("phi-moe");
  draft.config["num_experts_per_tok"] = 4;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "'num_experts_per_tok' is 4, should be 2"));
  // The hub spells the class otherwise.
  draft.config["num_experts_per_tok"] = 2;
  draft.config.erase("model_type");
  draft.config["architectures"] = {"PhiMoEForCausalLM"};
  CHECK(draft.register_it()->parts == spec->parts);
}

TEST_CASE("phi-moe: its longrope has mscales in place of the attention factor", "[plugins][phi]") {
  Draft draft("phi-moe");
  draft.config["rope_scaling"] = {{"type", "longrope"}, {"short_factor", {1, 1, 1, 1}}, {"long_factor", {2, 2, 2, 2}},
                                  {"short_mscale", 1.25}, {"long_mscale", 1.5}, {"original_max_position_embeddings", 64}};
  draft.config.erase("rope_parameters");
  const auto scaling = blueprint<Rope>(*draft.register_it(), "rotary_emb").scaling;
  CHECK(scaling.original_max_position_embeddings == 64);
  CHECK(scaling.short_mscale == 1.25);
  CHECK(scaling.long_mscale == 1.5);
  CHECK_FALSE(scaling.attention_factor.has_value());
}

TEST_CASE("phi-4 multimodal: Phi-4's text model, and towers for pictures and sounds beside it", "[plugins][phi]") {
  const auto spec = registered("phi/phi4-multimodal");
  CHECK(steps(*spec) == std::vector<std::string>{"embedding", "layer_0", "layer_1", "layer_2", "norm", "output_head"});
  CHECK(linear(blueprint<Attention>(*spec, "attention_0").k).weight == TensorRef{"model.layers.0.self_attn.qkv_proj.weight", {{ViewStep::Kind::narrow, {0, 16, 8}}}});
  CHECK(spec->parts.find("vision_encoder")->module_path == "model.embed_tokens_extend.image_embed.img_processor");
  CHECK(spec->parts.find("audio_encoder")->part_type == "audio_encoder");
  CHECK(spec->parts.find("audio_encoder")->extra_info.at("num_layers") == 2);

  Draft draft("phi/phi4-multimodal");
  draft.config.at("audio_config").as_object()["num_blocks"] = 3;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "config.json: audio_config: num_blocks is 3, the tensors have 2"));
  draft.config.at("audio_config").as_object()["num_blocks"] = 2;
  draft.config.at("audio_config").as_object()["time_reduction"] = 16;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "embed.out.weight of audio_encoder, whose dimensions demand [16, 8]"));
}
