// What tells the variants of a family apart, each held against transformers' own code and the configs that it wrote.
#include <cmath>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;
using Catch::Approx;

namespace {

std::vector<std::int64_t> windows(const ModelSpec& spec) {
  std::vector<std::int64_t> list;
  for (const auto* part : spec.all_attention_parts()) list.push_back(std::get<Attention>(*part->blueprint).window.value_or(0));
  return list;
}
using Windows = std::vector<std::int64_t>;

}  // namespace

TEST_CASE("mistral: the window is of all layers; null is none, absent is the class's 4096", "[plugins][mistral]") {
  CHECK(windows(*registered("mistral")) == Windows{5, 5, 5});
  CHECK(registered("mistral")->extra_info.at("sliding_window") == 5);
  CHECK(windows(*registered("mistral-nemo")) == Windows{0, 0, 0});
  Draft draft("mistral");
  draft.config.erase("sliding_window");
  CHECK(windows(*draft.register_it()) == Windows{4096, 4096, 4096});
  draft.config["sliding_window"] = 7;
  draft.config["layer_types"] = {"sliding_attention", "full_attention", "sliding_attention"};
  CHECK(windows(*draft.register_it()) == Windows{7, 0, 7});
}

TEST_CASE("mistral: Nemo's heads are wider than hidden / heads", "[plugins][mistral]") {
  const auto spec = registered("mistral-nemo");
  CHECK(blueprint<Attention>(*spec, "attention_0").head_dim == 16);
  CHECK(blueprint<Attention>(*spec, "attention_0").scale == 0.25);
  CHECK(blueprint<Rope>(*spec, "rotary_emb").theta == 1000000);
}

TEST_CASE("mixtral: a router, experts, and how they are scored", "[plugins][mixtral]") {
  const auto spec = registered("mixtral");
  const auto& mixture = blueprint<Mixture>(*spec, "ffn_1");
  CHECK(mixture.router == "gate_1");
  CHECK(mixture.experts == std::vector<std::string>{"expert_1_0", "expert_1_1", "expert_1_2", "expert_1_3"});
  CHECK(mixture.top_k == 2);
  CHECK(mixture.scoring == Scoring::softmax_renormalised);
  const auto& expert = blueprint<FeedForward>(*spec, "expert_1_2");
  CHECK(expert.gate->weight.tensor == "model.layers.1.block_sparse_moe.experts.2.w1.weight");
  CHECK(expert.up.weight.tensor == "model.layers.1.block_sparse_moe.experts.2.w3.weight");
  CHECK(expert.down.weight.tensor == "model.layers.1.block_sparse_moe.experts.2.w2.weight");
  CHECK(spec->parts.find("gate_1")->part_type == "gate");
  CHECK(spec->parts.find("gate_1")->output_dim == 4);
  CHECK(spec->parts.find("expert_1_2")->part_type == "expert");
  CHECK(spec->parts.find("expert_1_2")->intermediate_dim == 40);
  CHECK(spec->parts.find("ffn_1")->children.size() == 5);
  CHECK(spec->parts.find("ffn_1")->parameters == 4 * 32 + 4 * 3 * 40 * 32);
  CHECK(spec->parts.find("layer_1")->parameters == spec->parts.find("ffn_1")->parameters + 2 * 32 * 32 + 2 * 16 * 32 + 2 * 32);
  CHECK(windows(*spec) == Windows{0, 0, 0});
}

TEST_CASE("mixtral: a number of experts that the tensors do not have is refused before anything is made", "[plugins][mixtral]") {
  for (const auto* variant : {"mixtral", "mixtral-fused"}) {
    Draft draft(variant);
    draft.config["num_local_experts"] = 2000000000;
    CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "there are 2000000000 experts, the tensors have 4"));
  }
}

TEST_CASE("gemma: norms add one before the cast, embeddings are scaled, heads are tied", "[plugins][gemma]") {
  const auto spec = registered("gemma");
  const auto& norm = blueprint<Norm>(*spec, "post_attention_layernorm_0");
  CHECK(norm.kind == NormKind::rms);
  CHECK(norm.weight_offset == 1);
  CHECK(norm.multiply_before_cast);
  CHECK(blueprint<Embedding>(*spec, "embedding").scale == Approx(std::sqrt(32.0)).epsilon(1e-15));
  CHECK(blueprint<FeedForward>(*spec, "ffn_0").activation == "gelu_pytorch_tanh");
  CHECK(blueprint<Attention>(*spec, "attention_0").head_dim == 16);
  CHECK(blueprint<Layer>(*spec, "layer_0").join == LayerJoin::sequential);
  CHECK(spec->parts.find("output_head")->extra_info.at("tie") == "declared");
}

TEST_CASE("gemma: the first configs' gelu means the one by tanh, as transformers 4 computed it", "[plugins][gemma]") {
  Draft draft("gemma");
  draft.config.erase("hidden_activation");
  draft.config["hidden_act"] = "gelu";
  CHECK(blueprint<FeedForward>(*draft.register_it(), "ffn_0").activation == "gelu_pytorch_tanh");
  draft.config["hidden_activation"] = "gelu";
  CHECK(blueprint<FeedForward>(*draft.register_it(), "ffn_0").activation == "gelu");
}

TEST_CASE("gemma: a config that says untied of a file without a head is told apart, and tied", "[plugins][gemma]") {
  Draft draft("gemma");
  draft.config["tie_word_embeddings"] = false;
  const auto spec = draft.register_it();
  CHECK(spec->parts.find("output_head")->extra_info.at("tie") == "undeclared");
  CHECK(blueprint<OutputHead>(*spec, "output_head").tied_to == "embedding");
}

TEST_CASE("gemma-2: sandwich norms, caps, an own scale, every other layer windowed", "[plugins][gemma]") {
  for (const auto* variant : {"gemma-2", "gemma-2-v4"}) {  // with layer_types, and without
    const auto spec = registered(variant);
    CHECK(windows(*spec) == Windows{5, 0, 5, 0});
    const auto& attention = blueprint<Attention>(*spec, "attention_0");
    CHECK(attention.scale == Approx(1 / std::sqrt(10.0)));
    CHECK(attention.softcap == 5);
    CHECK(attention.head_dim == 12);
    CHECK(blueprint<OutputHead>(*spec, "output_head").softcap == 3);
    const auto& layer = blueprint<Layer>(*spec, "layer_3");
    CHECK(layer == Layer{LayerJoin::sandwich, "input_layernorm_3", "attention_3", "post_attention_layernorm_3",
                         "pre_feedforward_layernorm_3", "ffn_3", "post_feedforward_layernorm_3"});
  }
}

TEST_CASE("gemma-2: absent caps are the class's, null ones are none", "[plugins][gemma]") {
  Draft draft("gemma-2");
  draft.config.erase("attn_logit_softcapping");
  draft.config["final_logit_softcapping"] = nullptr;
  const auto spec = draft.register_it();
  CHECK(blueprint<Attention>(*spec, "attention_0").softcap == 50);
  CHECK_FALSE(blueprint<OutputHead>(*spec, "output_head").softcap.has_value());
}

TEST_CASE("gemma-3: two ropes, a pattern of windows, norms over q and k", "[plugins][gemma]") {
  const auto spec = registered("gemma-3-text");
  CHECK(windows(*spec) == Windows{5, 5, 0, 5, 5, 0});
  CHECK(blueprint<Rope>(*spec, "rotary_emb").theta == 1000000);
  CHECK(blueprint<Rope>(*spec, "rotary_emb_local").theta == 10000);
  CHECK(blueprint<Attention>(*spec, "attention_2").rope->theta == 1000000);
  CHECK(blueprint<Attention>(*spec, "attention_3").rope->theta == 10000);
  const auto& attention = blueprint<Attention>(*spec, "attention_0");
  CHECK(attention.q_norm->weight_offset == 1);
  CHECK(attention.k_norm->weight->tensor == "model.layers.0.self_attn.k_norm.weight");
  CHECK_FALSE(attention.softcap.has_value());
}

TEST_CASE("gemma-3: the keys of transformers 4 say the same", "[plugins][gemma]") {
  Draft draft("gemma-3-text");
  draft.config.erase("layer_types");
  draft.config.erase("rope_parameters");
  draft.config.erase("_sliding_window_pattern");
  draft.config["rope_theta"] = 1000000;
  draft.config["rope_local_base_freq"] = 10000;
  CHECK(draft.register_it()->parts == registered("gemma-3-text")->parts);
}

TEST_CASE("gemma-3: the vision encoder and the projector are parts, and no layer of the model", "[plugins][gemma]") {
  const auto spec = registered("gemma-3-multimodal");
  const auto* tower = spec->parts.find("vision_encoder");
  CHECK(tower->part_type == "vision_encoder");
  CHECK(blueprint<Custom>(*spec, "vision_encoder").builder.empty());
  CHECK(blueprint<Custom>(*spec, "vision_encoder").tensors.size() == 37);
  CHECK(spec->parts.find("projector")->parameters == 16 * 32 + 16);
  CHECK(spec->assembly.size() == 1 + 6 + 1 + 1);
  Draft draft("gemma-3-multimodal");
  draft.config.at("vision_config").as_object()["num_hidden_layers"] = 3;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "vision_config: num_hidden_layers is 3, the tensors have 2"));
}

TEST_CASE("qwen2: q, k and v have a bias, o has none; windows from max_window_layers on", "[plugins][qwen]") {
  const auto spec = registered("qwen2");
  const auto& attention = blueprint<Attention>(*spec, "attention_0");
  CHECK(attention.q.bias.has_value());
  CHECK(attention.v.bias.has_value());
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
  CHECK(mixture.scoring == Scoring::softmax);
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
  CHECK(attention.head_dim == 12);
  CHECK_FALSE(attention.q.bias.has_value());
  const auto moe = registered("qwen3-moe");
  CHECK(blueprint<Mixture>(*moe, "ffn_2").scoring == Scoring::softmax_renormalised);
  CHECK_FALSE(blueprint<Mixture>(*moe, "ffn_2").shared_expert.has_value());
}

TEST_CASE("qwen-1: GPT-2's names, Llama's mathematics, half the config's width", "[plugins][qwen]") {
  const auto spec = registered("qwen-1");
  CHECK(spec->get_ffn(0)->intermediate_dim == 56);
  CHECK(blueprint<Norm>(*spec, "ln_1_0").kind == NormKind::rms);
  const auto& attention = blueprint<Attention>(*spec, "attention_0");
  CHECK(attention.k.weight == TensorRef{"transformer.h.0.attn.c_attn.weight", {{ViewStep::Kind::narrow, {0, 32, 32}}}});
  CHECK(attention.q.bias.has_value());
  CHECK_FALSE(attention.o.bias.has_value());
  CHECK(attention.rope->dims == 8);
}

TEST_CASE("phi-2: attention and feed-forward side by side, part of each head turned, a head with bias", "[plugins][phi]") {
  const auto spec = registered("phi-2");
  const auto& layer = blueprint<Layer>(*spec, "layer_0");
  CHECK(layer.join == LayerJoin::parallel);
  CHECK(layer.attention_norm == "input_layernorm_0");
  CHECK_FALSE(layer.feed_forward_norm.has_value());
  CHECK(blueprint<Attention>(*spec, "attention_0").rope->dims == 4);
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
  CHECK(attention.rope->dims == 2);
  CHECK(attention.kv_heads == 2);
}

TEST_CASE("phi-3: fused projections are told as rows of q, k, v, gate and up", "[plugins][phi]") {
  const auto spec = registered("phi-3");
  using Kind = ViewStep::Kind;
  const auto& attention = blueprint<Attention>(*spec, "attention_0");
  CHECK(attention.q.weight == TensorRef{"model.layers.0.self_attn.qkv_proj.weight", {{Kind::narrow, {0, 0, 32}}}});
  CHECK(attention.k.weight == TensorRef{"model.layers.0.self_attn.qkv_proj.weight", {{Kind::narrow, {0, 32, 16}}}});
  CHECK(attention.v.weight == TensorRef{"model.layers.0.self_attn.qkv_proj.weight", {{Kind::narrow, {0, 48, 16}}}});
  const auto& ffn = blueprint<FeedForward>(*spec, "ffn_0");
  CHECK(ffn.gate->weight == TensorRef{"model.layers.0.mlp.gate_up_proj.weight", {{Kind::narrow, {0, 0, 56}}}});
  CHECK(ffn.up.weight == TensorRef{"model.layers.0.mlp.gate_up_proj.weight", {{Kind::narrow, {0, 56, 56}}}});
  CHECK(blueprint<Attention>(*registered("phi-4-mini"), "attention_0").rope->dims == 6);
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
  const auto& mixture = blueprint<Mixture>(*spec, "ffn_0");
  CHECK(mixture.scoring == Scoring::sparsemixer);
  CHECK(mixture.jitter == 0.01);
  CHECK(blueprint<Norm>(*spec, "norm").kind == NormKind::layer);
  CHECK(blueprint<Norm>(*spec, "norm").eps == 1e-5);
  CHECK(blueprint<Attention>(*spec, "attention_0").o.bias.has_value());
  CHECK(blueprint<OutputHead>(*spec, "output_head").projection.bias.has_value());
  CHECK(blueprint<Linear>(*spec, "gate_0").weight.tensor == "model.layers.0.block_sparse_moe.gate.weight");
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

TEST_CASE("layer_types: as many as layers, of known kinds", "[plugins]") {
  Draft draft("gemma-2");
  draft.config["layer_types"] = {"sliding_attention"};
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "layer_types has 1 entries, there are 4 layers"));
  draft.config["layer_types"] = {"sliding_attention", "full_attention", "linear_attention", "full_attention"};
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "layer_types has 'linear_attention'"));
}
