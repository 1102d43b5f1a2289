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

TEST_CASE("qwen3-next: three delta nets to an attention whose heads have gates", "[plugins][qwen]") {
  const auto spec = registered("qwen/qwen3-next");
  CHECK(spec->family == "qwen");
  using Kind = ViewStep::Kind;
  const auto& net = blueprint<DeltaNet>(*spec, "mixer_0");
  CHECK(net.key_heads == 2);
  CHECK(net.value_heads == 4);
  CHECK(net.norm.weight_offset == 0);  // Qwen3NextRMSNormGated, beside norms that add one
  CHECK(blueprint<Norm>(*spec, "input_layernorm_0").weight_offset == 1);
  // Of each key head 4 rows of q, 4 of k, 8 of v, 8 of the gate; and 2 of beta, 2 of the decay.
  CHECK(net.gate.weight == TensorRef{"model.layers.0.linear_attn.in_proj_qkvz.weight", {{Kind::view, {2, 24, 16}}, {Kind::narrow, {1, 16, 8}}, {Kind::view, {16, 16}}}});
  CHECK(net.decay.weight == TensorRef{"model.layers.0.linear_attn.in_proj_ba.weight", {{Kind::view, {2, 4, 16}}, {Kind::narrow, {1, 2, 2}}, {Kind::view, {4, 16}}}});
  CHECK(net.v_conv == TensorRef{"model.layers.0.linear_attn.conv1d.weight", {{Kind::narrow, {0, 16, 16}}, {Kind::view, {16, 4}}}});
  CHECK(spec->parts.find("mixer_0")->part_type == "mixer");
  const auto& attention = blueprint<Attention>(*spec, "attention_3");
  CHECK(attention.gate.has_value());
  // A quarter of 4 is one, whose table is two wide: apply_rotary_pos_emb takes cos.shape[-1] dimensions.
  CHECK(rope(attention).dims == 2);
  CHECK(std::holds_alternative<FeedForward>(*spec->get_ffn(1)->blueprint));  // mlp_only_layers
  CHECK(blueprint<Mixture>(*spec, "ffn_0").shared_expert_gate.has_value());

  Draft draft("qwen/qwen3-next");
  for (const auto* key : {"partial_rotary_factor", "rope_parameters", "layer_types", "norm_topk_prob"}) draft.config.erase(key);
  CHECK(draft.register_it()->parts == spec->parts);  // they are the class's defaults
  draft.config["full_attention_interval"] = 2;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "model.layers.1.self_attn.q_proj.weight' is missing"));
}

TEST_CASE("qwen3.5: projections apart, dense or a mixture in every layer", "[plugins][qwen]") {
  const auto dense = registered("qwen/qwen3.5-text"), moe = registered("qwen/qwen3.5-moe-text");
  CHECK(blueprint<DeltaNet>(*dense, "mixer_1").beta.weight == TensorRef{"model.layers.1.linear_attn.in_proj_b.weight", {}});
  CHECK(blueprint<DeltaNet>(*dense, "mixer_1").k.weight == TensorRef{"model.layers.1.linear_attn.in_proj_qkv.weight", {{ViewStep::Kind::narrow, {0, 8, 8}}}});
  CHECK(blueprint<FeedForward>(*dense, "ffn_3").up.out == 24);
  for (int i = 0; i < 4; ++i) CHECK(blueprint<Router>(*moe, "gate_" + std::to_string(i)).renormalise);  // Qwen3_5MoeTopKRouter: always
  Draft draft("qwen/qwen3.5-moe-text");
  draft.config["norm_topk_prob"] = false;  // of which the class knows nothing
  CHECK(draft.register_it()->parts == moe->parts);
}

TEST_CASE("qwen3-next: what was trained beside the model, and what cannot be told, are said", "[plugins][qwen]") {
  Draft draft("qwen/qwen3-next");
  draft.tensors.push_back({"mtp.fc.weight", DType::kF32, {16, 32}});  // _keys_to_ignore_on_load_unexpected: ^mtp.*
  const auto spec = draft.register_it();
  CHECK(spec->parts == registered("qwen/qwen3-next")->parts);
  draft.config["hidden_act"] = "gelu";
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "'hidden_act' is \"gelu\""));
  draft = Draft("qwen/qwen3-next");
  draft.config["linear_num_value_heads"] = 3;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "3 value heads cannot share 2 key heads evenly"));
}

TEST_CASE("qwen-vl: how a rope is shared out among a picture's positions is told, and computes nothing of text", "[plugins][qwen]") {
  const auto spec = registered("qwen/qwen3-vl");
  CHECK(spec->extra_info.at("mrope_section") == boost::json::value({1, 1, 0}));
  CHECK(spec->extra_info.at("mrope_interleaved") == true);
  CHECK_FALSE(spec->extra_info.contains("unread_config"));
  // Configs of transformers 4: flat, and "mrope" by name, which Qwen2VLTextConfig makes a default rope.
  Draft draft("qwen/qwen2-vl");
  const auto text = draft.config.at("text_config").as_object();
  draft.config.erase("text_config");
  for (const auto& [key, value] : text)
    if (key != "model_type" && key != "rope_parameters") draft.config[key] = value;
  draft.config["rope_theta"] = 10000.0;
  draft.config["rope_scaling"] = {{"type", "mrope"}, {"mrope_section", {1, 1, 0}}};
  CHECK(draft.register_it()->parts == registered("qwen/qwen2-vl")->parts);
}
