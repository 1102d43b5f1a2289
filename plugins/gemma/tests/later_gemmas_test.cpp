// Gemma 3n, Gemma 4 and PaliGemma, held against transformers' own code and the configs that it wrote.
#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

boost::json::object& rope_of(Draft& draft, const char* layer_type) {
  return draft.config.at("rope_parameters").as_object().at(layer_type).as_object();
}

}  // namespace

TEST_CASE("gemma 4: layers that see all have heads of their own width, and a rope of which few pairs turn", "[plugins][gemma]") {
  const auto spec = registered("gemma/gemma-4-text");
  const auto &local = blueprint<Attention>(*spec, "attention_0"), &global = blueprint<Attention>(*spec, "attention_2");
  CHECK(local.qk_dim == 4);
  CHECK(global.qk_dim == 8);
  CHECK(global.scale == 1);
  CHECK(windows(*spec) == Windows{4, 4, 0});
  CHECK(rope(global).dims == 8);
  CHECK(rope(global).scaling.kind == RopeScalingKind::proportional);
  CHECK(rope(global).scaling.turning_pairs == 1);  // int(0.25 * 8 // 2)
  CHECK(rope(local).scaling.kind == RopeScalingKind::none);
  CHECK(global.v_norm->weight == std::nullopt);

  Draft draft("gemma/gemma-4-text");
  draft.config.erase("rope_parameters");  // Gemma4TextConfig's own are these
  CHECK(blueprint<Attention>(*draft.register_it(), "attention_2").position == global.position);
  draft = Draft("gemma/gemma-4-text");
  rope_of(draft, "full_attention")["factor"] = 8.0;
  CHECK(rope(blueprint<Attention>(*draft.register_it(), "attention_2")).scaling.factor == 8);
  rope_of(draft, "full_attention")["partial_rotary_factor"] = 0.1;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "the rope turns 0 pairs of 8 dimensions of a head (partial_rotary_factor 0.1)"));
  rope_of(draft, "full_attention")["rope_type"] = "default";
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "'rope_type' is \"default\": heads that are not as wide as head_dim says"));
  draft.config.at("rope_parameters").as_object().erase("sliding_attention");
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "has no 'sliding_attention'"));
  draft = Draft("gemma/gemma-4-text");
  draft.config["partial_rotary_factor"] = 0.5;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "partial_rotary_factor"));
}

TEST_CASE("gemma 4: the last layer sees all whatever the config says, and so do all tokens where it says so", "[plugins][gemma]") {
  Draft draft("gemma/gemma-4-text");
  draft.config["layer_types"] = {"sliding_attention", "sliding_attention", "sliding_attention"};
  CHECK(windows(*draft.register_it()) == Windows{4, 4, 0});

  // Gemma4TextConfig halves the window; create_bidirectional_sliding_window_mask takes in the position at its end.
  const auto looks_both_ways = [&] { return !blueprint<Attention>(*draft.register_it(), "attention_0").mask.causal; };
  draft.config["sliding_window"] = 6;
  draft.config["use_bidirectional_attention"] = "vision";
  CHECK(windows(*draft.register_it()) == Windows{6, 6, 0});
  CHECK_FALSE(looks_both_ways());
  draft.config["use_bidirectional_attention"] = "all";
  CHECK(windows(*draft.register_it()) == Windows{5, 5, 0});
  CHECK(looks_both_ways());
  draft.config["is_causal"] = false;  // as it saves itself
  CHECK(windows(*draft.register_it()) == Windows{5, 5, 0});
  draft.config["use_bidirectional_attention"] = nullptr;
  CHECK(windows(*draft.register_it()) == Windows{7, 7, 0});
  CHECK(looks_both_ways());
  draft.config["use_bidirectional_attention"] = "some";
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "'use_bidirectional_attention' is \"some\", should be all, vision or null"));
}

TEST_CASE("gemma 4: experts beside the feed-forward are chosen by the stream itself", "[plugins][gemma]") {
  const auto spec = registered("gemma/gemma-4-moe-text");
  CHECK(blueprint<Layer>(*spec, "layer_0").stages[1] ==
        Stage{.branches = {{.norm = "pre_feedforward_layernorm_0", .op = "ffn_0", .post_norm = "post_feedforward_layernorm_1_0"},
                           {.op = "moe_0", .post_norm = "post_feedforward_layernorm_2_0"}},
              .sum_norm = "post_feedforward_layernorm_0"});
  const auto& mixture = blueprint<Mixture>(*spec, "moe_0");
  CHECK(mixture.norm == "pre_feedforward_layernorm_2_0");
  const auto& router = blueprint<Router>(*spec, "gate_0");
  CHECK(router.norm->weight->tensor == "model.layers.0.router.scale");
  CHECK(router.input_scale == 0.25);  // 16^-0.5
  CHECK(router.expert_scale->tensor == "model.layers.0.router.per_expert_scale");
  CHECK(spec->parts.find("gate_0")->module_path == "model.layers.0.router");
  CHECK(spec->parts.find("expert_0_1")->module_path == "model.layers.0.experts.1");
  // Global layers: one projection gives keys and values.
  const auto& global = blueprint<Attention>(*spec, "attention_2");
  CHECK(global.values_are_keys == true);
  CHECK(global.kv_heads == 1);
  CHECK(!global.v);
  CHECK(blueprint<Attention>(*spec, "attention_0").v.has_value());

  Draft draft("gemma/gemma-4-moe-text");
  draft.config["num_global_key_value_heads"] = nullptr;  // Gemma4TextAttention then divides by None
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "has no 'num_global_key_value_heads'"));
}

TEST_CASE("gemma 3n and 4: the last layers look at the keys and values of the last before them of their kind", "[plugins][gemma]") {
  for (const auto* variant : {"gemma/gemma-3n-text", "gemma/gemma-4-shared-text"}) {
    INFO(variant);
    const auto spec = registered(variant);
    CHECK(blueprint<Attention>(*spec, "attention_3").keys_of->part == "attention_2");
    CHECK(blueprint<Attention>(*spec, "attention_4").keys_of->part == "attention_1");
    CHECK(blueprint<Attention>(*spec, "attention_1").is_source == true);
    CHECK(blueprint<Attention>(*spec, "attention_2").is_source == true);
    CHECK(!blueprint<Attention>(*spec, "attention_0").is_source);
    CHECK(!blueprint<Attention>(*spec, "attention_3").k);

    // Files have keys of theirs all the same, which transformers does not read.
    Draft draft(variant);
    draft.tensors.push_back({"model.layers.3.self_attn.k_proj.weight", DType::kF32, {8, 16}});
    draft.tensors.push_back({"model.layers.3.self_attn.k_norm.weight", DType::kF32, {4}});
    const auto with_keys = draft.register_it();
    CHECK(with_keys->ignored == std::vector<IgnoredTensors>{
                                    {"model.layers.3.self_attn.k_proj.weight", 1, "layer 3 looks at the keys and values of layer 2"},
                                    {"model.layers.3.self_attn.k_norm.weight", 1, "layer 3 looks at the keys and values of layer 2"}});
    CHECK(with_keys->parameters == spec->parameters);
    draft.config["num_kv_shared_layers"] = 4;
    CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "'num_kv_shared_layers' is 4: that no layer before layer 1 has keys of its own"));
  }
  CHECK(registered("gemma/gemma-4-shared-text")->parts.find("ffn_3")->intermediate_dim == 48);  // use_double_wide_mlp
  CHECK(registered("gemma/gemma-4-shared-text")->parts.find("ffn_2")->intermediate_dim == 24);
}

TEST_CASE("gemma 3n: layers carry several streams, of which they read one", "[plugins][gemma]") {
  const auto spec = registered("gemma/gemma-3n-text");
  CHECK(steps(*spec) == std::vector<std::string>{"embedding", "per_layer_inputs", "altup", "layer_0", "layer_1", "layer_2", "layer_3",
                                                 "layer_4", "altup_unembed", "norm", "output_head"});
  CHECK(spec->parts.find("layer_0")->input_dim == 48);
  CHECK(spec->parts.find("layer_0")->intermediate_dim == 24);
  CHECK(spec->parts.find("altup")->output_dim == 48);
  CHECK(spec->hidden_dim == 16);
  CHECK(std::holds_alternative<Custom>(*spec->parts.find("ffn_0")->blueprint));  // of whose gates few count
  CHECK(std::holds_alternative<FeedForward>(*spec->parts.find("ffn_2")->blueprint));

  struct Case { const char* key; boost::json::value value; Errc code; const char* says; };
  for (const auto& c : {Case{"altup_active_idx", 3, Errc::kCorrupt, "'altup_active_idx' is 3, should be less than altup_num_inputs"},
                        {"activation_sparsity_pattern", {0.9, 0.9}, Errc::kCorrupt, "a list of 5 numbers, one a layer"},
                        {"activation_sparsity_pattern", {0.9, 0.9, 1.0, 0.0, 0.0}, Errc::kCorrupt, "a list of shares, from 0 and below 1"},
                        {"intermediate_size", {24, 24}, Errc::kCorrupt, "a list of 5 numbers, one a layer"},
                        {"hidden_size_per_layer_input", 0, Errc::kCorrupt, "above 0: every layer is given an input"}}) {
    INFO(c.key);
    Draft draft("gemma/gemma-3n-text");
    draft.config[c.key] = c.value;
    CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(c.code, c.says));
  }
  Draft draft("gemma/gemma-3n-text");
  draft.config["intermediate_size"] = 24;  // one for all
  CHECK(draft.register_it()->parts == spec->parts);
}

TEST_CASE("paligemma: text is causal, and the spec says for whom the prefix is", "[plugins][gemma]") {
  for (const auto* variant : {"gemma/paligemma", "gemma/paligemma-2"}) {
    const auto spec = registered(variant);
    CHECK(blueprint<Attention>(*spec, "attention_0").mask.causal);
    CHECK(spec->extra_info.at("attention") == "causal: a prefix that looks both ways (transformers: token_type_ids) is for the caller's mask to say");
    CHECK(spec->parts.find("projector")->module_path == "model.multi_modal_projector");
  }
  CHECK(windows(*registered("gemma/paligemma-2")) == Windows{4, 0, 4});
  Draft draft("gemma/paligemma");
  draft.config.at("text_config").as_object()["model_type"] = "gemma3_text";
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "'model_type' is \"gemma3_text\": another text model than Gemma 1's and 2's"));
}
