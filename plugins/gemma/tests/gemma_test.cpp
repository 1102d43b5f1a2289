// What tells the three Gemmas apart, held against transformers' own code and the configs that it wrote.
#include <cmath>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;
using Catch::Approx;

TEST_CASE("gemma: norms add one before the cast, embeddings are scaled, heads are tied", "[plugins][gemma]") {
  const auto spec = registered("gemma");
  const auto& norm = blueprint<Norm>(*spec, "post_attention_layernorm_0");
  CHECK(norm.kind == NormKind::rms);
  CHECK(norm.weight_offset == 1);
  CHECK(norm.multiply_before_cast);
  CHECK(blueprint<Embedding>(*spec, "embedding").scale == Approx(std::sqrt(32.0)).epsilon(1e-15));
  CHECK(blueprint<FeedForward>(*spec, "ffn_0").activation == "gelu_pytorch_tanh");
  CHECK(blueprint<Attention>(*spec, "attention_0").qk_dim == 16);
  CHECK(blueprint<Layer>(*spec, "layer_0") == sequential({{.norm = "input_layernorm_0", .op = "attention_0"}, {.norm = "post_attention_layernorm_0", .op = "ffn_0"}}));
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
    CHECK(attention.qk_dim == 12);
    CHECK(blueprint<OutputHead>(*spec, "output_head").softcap == 3);
    const auto& layer = blueprint<Layer>(*spec, "layer_3");
    CHECK(layer == sequential({{"input_layernorm_3", "attention_3", "post_attention_layernorm_3"},
                               {"pre_feedforward_layernorm_3", "ffn_3", "post_feedforward_layernorm_3"}}));
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
  CHECK(rope(blueprint<Attention>(*spec, "attention_2")).theta == 1000000);
  CHECK(rope(blueprint<Attention>(*spec, "attention_3")).theta == 10000);
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
  CHECK(steps(*spec).size() == 1 + 6 + 1 + 1);
  Draft draft("gemma-3-multimodal");
  draft.config.at("vision_config").as_object()["num_hidden_layers"] = 3;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "vision_config: num_hidden_layers is 3, the tensors have 2"));
}

TEST_CASE("vaultgemma: Gemma 2 without the norms behind", "[plugins][gemma]") {
  const auto spec = registered("gemma/vaultgemma");
  CHECK(spec->family == "gemma");
  CHECK(blueprint<Layer>(*spec, "layer_0") == sequential({{.norm = "input_layernorm_0", .op = "attention_0"}, {.norm = "pre_feedforward_layernorm_0", .op = "ffn_0"}}));
  CHECK(windows(*spec) == Windows{4, 0, 4});
  CHECK(blueprint<Attention>(*spec, "attention_0").softcap == 50);
  CHECK(blueprint<OutputHead>(*spec, "output_head").softcap == 30);
  Draft draft("gemma/vaultgemma");
  draft.config["use_bidirectional_attention"] = true;  // of which the class knows nothing
  CHECK(draft.register_it()->parts == spec->parts);
}

TEST_CASE("recurrentgemma: blocks over and over, half the config's width, a scale that is a bfloat16", "[plugins][gemma]") {
  const auto spec = registered("gemma/recurrent-gemma");
  CHECK(spec->family == "gemma");
  CHECK(spec->parts.find("mixer_1")->part_type == "mixer");
  CHECK(blueprint<Custom>(*spec, "mixer_1").builder == "rg_lru");
  const auto& attention = blueprint<Attention>(*spec, "attention_2");
  CHECK(attention.mask.window == 4);
  CHECK(rope(attention).dims == 2);
  CHECK(attention.o.bias.has_value());
  CHECK_FALSE(linear(attention.q).bias.has_value());
  CHECK(spec->get_ffn(0)->intermediate_dim == 12);
  CHECK(blueprint<OutputHead>(*spec, "output_head").softcap == 30);
  CHECK(blueprint<Embedding>(*spec, "embedding").scale == 4);

  Draft draft("gemma/recurrent-gemma");
  for (const auto* key : {"block_types", "head_dim", "lru_width", "partial_rotary_factor", "rope_parameters", "logits_soft_cap"}) draft.config.erase(key);
  CHECK(draft.register_it()->parts == spec->parts);  // they are the class's defaults
  draft.config["block_types"] = {"attention"};
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "model.layers.0.temporal_block.q_proj.weight' is missing"));
  draft.config["block_types"] = {"mamba"};
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "block_types"));
}

TEST_CASE("recurrentgemma: the embeddings' factor is the root's nearest bfloat16", "[plugins][gemma]") {
  // torch.tensor(h ** 0.5, dtype=torch.bfloat16) of torch 2.14.1.
  for (const auto& [hidden, scale] : {std::pair{2560, 50.5}, {4096, 64.0}, {24, 4.90625}, {40, 6.3125}, {72, 8.5}}) {
    Draft draft("gemma/recurrent-gemma");
    draft.config["hidden_size"] = hidden;
    draft.config["num_attention_heads"] = 2;  // whose halves are even numbers
    draft.config["num_key_value_heads"] = 2;
    for (auto& tensor : draft.tensors) {
      for (auto& size : tensor.shape)
        if (size == 16) size = hidden;
      if (tensor.name.ends_with("k_proj.weight") || tensor.name.ends_with("v_proj.weight")) tensor.shape = {hidden, hidden};
      if (tensor.name.ends_with("_gate_weight")) tensor.shape = {2, hidden / 2, hidden / 2};
      if (tensor.name.ends_with("_gate_bias")) tensor.shape = {2, hidden / 2};
    }
    draft.config.erase("lru_width");
    draft.config.erase("head_dim");
    CHECK(blueprint<Embedding>(*draft.register_it(), "embedding").scale == scale);
  }
}
