// Models of other families, whose names and shapes come close to ours: none of our plugins claims them, and each of
// ours claims its own alone. Of some that are ours by now, names and shapes alone tell nobody.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include "checkpoint_files.hpp"
#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

struct LookAlike {
  const char* name;
  const char* config;
  std::vector<TensorInfo> tensors;  // of one layer, named and shaped as transformers does
  bool is_ours = false;             // by its config
};

TensorInfo f32(const char* name, std::vector<std::int64_t> shape) { return {name, DType::kF32, std::move(shape)}; }

const std::vector<LookAlike>& look_alikes() {
  static const std::vector<LookAlike> all = {
      {"Persimmon", R"({"model_type": "persimmon", "architectures": ["PersimmonForCausalLM"], "hidden_size": 32})",
       {f32("model.embed_tokens.weight", {96, 32}), f32("model.layers.0.input_layernorm.weight", {32}), f32("model.layers.0.input_layernorm.bias", {32}),
        f32("model.layers.0.self_attn.query_key_value.weight", {96, 32}), f32("model.layers.0.self_attn.dense.weight", {32, 32}),
        f32("model.layers.0.self_attn.q_layernorm.weight", {8}), f32("model.layers.0.mlp.dense_h_to_4h.weight", {128, 32}),
        f32("model.layers.0.mlp.dense_4h_to_h.weight", {32, 128}), f32("model.final_layernorm.weight", {32}), f32("lm_head.weight", {96, 32})}},
      {"BioGPT", R"({"model_type": "biogpt", "architectures": ["BioGptForCausalLM"], "hidden_size": 32})",
       {f32("biogpt.embed_tokens.weight", {96, 32}), f32("biogpt.embed_positions.weight", {66, 32}), f32("biogpt.layers.0.self_attn.k_proj.weight", {32, 32}),
        f32("biogpt.layers.0.self_attn_layer_norm.weight", {32}), f32("biogpt.layers.0.fc1.weight", {128, 32}), f32("biogpt.layer_norm.weight", {32})}},
      {"GPT-NeoX", R"({"model_type": "gpt_neox", "architectures": ["GPTNeoXForCausalLM"], "hidden_size": 32})",
       {f32("gpt_neox.embed_in.weight", {96, 32}), f32("gpt_neox.layers.0.input_layernorm.weight", {32}),
        f32("gpt_neox.layers.0.attention.query_key_value.weight", {96, 32}), f32("gpt_neox.layers.0.attention.dense.weight", {32, 32}),
        f32("gpt_neox.layers.0.mlp.dense_h_to_4h.weight", {128, 32}), f32("embed_out.weight", {96, 32})}, true},
      {"Falcon", R"({"model_type": "falcon", "architectures": ["FalconForCausalLM"], "hidden_size": 32})",
       {f32("transformer.word_embeddings.weight", {96, 32}), f32("transformer.h.0.input_layernorm.weight", {32}),
        f32("transformer.h.0.self_attention.query_key_value.weight", {48, 32}), f32("transformer.h.0.self_attention.dense.weight", {32, 32}),
        f32("transformer.h.0.mlp.dense_h_to_4h.weight", {128, 32}), f32("transformer.ln_f.weight", {32})}, true},
      {"GPT-BigCode", R"({"model_type": "gpt_bigcode", "architectures": ["GPTBigCodeForCausalLM"], "n_embd": 32, "multi_query": false})",
       {f32("transformer.wte.weight", {96, 32}), f32("transformer.wpe.weight", {64, 32}), f32("transformer.h.0.ln_1.weight", {32}),
        f32("transformer.h.0.ln_1.bias", {32}), f32("transformer.h.0.attn.c_attn.weight", {96, 32}), f32("transformer.h.0.attn.c_attn.bias", {96}),
        f32("transformer.h.0.attn.c_proj.weight", {32, 32}), f32("transformer.h.0.mlp.c_fc.weight", {128, 32}),
        f32("transformer.h.0.mlp.c_fc.bias", {128}), f32("transformer.h.0.mlp.c_proj.weight", {32, 128}), f32("transformer.ln_f.weight", {32})}, true},
      {"StableLM", R"({"model_type": "stablelm", "architectures": ["StableLmForCausalLM"], "hidden_size": 32, "partial_rotary_factor": 0.25})",
       {f32("model.embed_tokens.weight", {96, 32}), f32("model.layers.0.input_layernorm.weight", {32}), f32("model.layers.0.input_layernorm.bias", {32}),
        f32("model.layers.0.self_attn.q_proj.weight", {32, 32}), f32("model.layers.0.self_attn.k_proj.weight", {32, 32}),
        f32("model.layers.0.self_attn.v_proj.weight", {32, 32}), f32("model.layers.0.self_attn.o_proj.weight", {32, 32}),
        f32("model.layers.0.mlp.gate_proj.weight", {56, 32}), f32("model.layers.0.mlp.up_proj.weight", {56, 32}),
        f32("model.layers.0.mlp.down_proj.weight", {32, 56}), f32("model.norm.weight", {32}), f32("model.norm.bias", {32}), f32("lm_head.weight", {96, 32})}, true},
      {"Cohere", R"({"model_type": "cohere", "architectures": ["CohereForCausalLM"], "hidden_size": 32, "logit_scale": 0.0625})",
       {f32("model.embed_tokens.weight", {96, 32}), f32("model.layers.0.input_layernorm.weight", {32}), f32("model.layers.0.self_attn.q_proj.weight", {32, 32}),
        f32("model.layers.0.self_attn.k_proj.weight", {32, 32}), f32("model.layers.0.self_attn.v_proj.weight", {32, 32}), f32("model.layers.0.self_attn.o_proj.weight", {32, 32}),
        f32("model.layers.0.mlp.gate_proj.weight", {56, 32}), f32("model.layers.0.mlp.up_proj.weight", {56, 32}), f32("model.layers.0.mlp.down_proj.weight", {32, 56}), f32("model.norm.weight", {32})}, true},
      {"DeepSeek-V4", R"({"model_type": "deepseek_v4", "architectures": ["DeepseekV4ForCausalLM"], "hidden_size": 32})",
       {f32("model.embed_tokens.weight", {96, 32}), f32("model.layers.0.input_layernorm.weight", {32}), f32("model.layers.0.self_attn.q_a_proj.weight", {48, 32}),
        f32("model.layers.0.self_attn.kv_proj.weight", {12, 32}), f32("model.layers.0.self_attn.o_b_proj.weight", {32, 32}), f32("model.layers.0.mlp.gate.weight", {4, 32}),
        f32("model.layers.0.mlp.experts.0.gate_proj.weight", {20, 32}), f32("model.layers.0.mlp.shared_experts.gate_proj.weight", {20, 32}), f32("model.norm.weight", {32})}},
      {"MobileBERT", R"({"model_type": "mobilebert", "architectures": ["MobileBertForMaskedLM"], "hidden_size": 32})",
       {f32("mobilebert.embeddings.word_embeddings.weight", {96, 16}), f32("mobilebert.encoder.layer.0.attention.self.query.weight", {32, 32}),
        f32("mobilebert.encoder.layer.0.attention.output.dense.weight", {32, 32}), f32("mobilebert.encoder.layer.0.intermediate.dense.weight", {128, 32}),
        f32("mobilebert.encoder.layer.0.output.LayerNorm.weight", {32})}},
      {"XLM-RoBERTa-XL", R"({"model_type": "xlm-roberta-xl", "architectures": ["XLMRobertaXLForMaskedLM"], "hidden_size": 32})",
       {f32("roberta.embeddings.word_embeddings.weight", {96, 32}), f32("roberta.encoder.layer.0.attention.self.query.weight", {32, 32}),
        f32("roberta.encoder.layer.0.attention.output.dense.weight", {32, 32}), f32("roberta.encoder.layer.0.intermediate.dense.weight", {128, 32}),
        f32("roberta.encoder.layer.0.attention.self_attn_layer_norm.weight", {32})}},
      {"LongT5", R"({"model_type": "longt5", "architectures": ["LongT5ForConditionalGeneration"], "d_model": 32, "local_radius": 8})",
       {f32("shared.weight", {96, 32}), f32("encoder.block.0.layer.0.LocalSelfAttention.q.weight", {32, 32}),
        f32("encoder.block.0.layer.0.LocalSelfAttention.relative_attention_bias.weight", {32, 4}), f32("encoder.block.0.layer.0.layer_norm.weight", {32}),
        f32("decoder.block.0.layer.0.SelfAttention.q.weight", {32, 32}), f32("decoder.block.0.layer.1.EncDecAttention.q.weight", {32, 32})}},
      {"Switch Transformers", R"({"model_type": "switch_transformers", "architectures": ["SwitchTransformersForConditionalGeneration"], "d_model": 32})",
       {f32("shared.weight", {96, 32}), f32("encoder.block.0.layer.0.SelfAttention.q.weight", {32, 32}),
        f32("encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight", {32, 4}), f32("encoder.block.0.layer.0.layer_norm.weight", {32}),
        f32("encoder.block.0.layer.1.mlp.wi.weight", {64, 32}), f32("decoder.block.0.layer.1.EncDecAttention.q.weight", {32, 32})}},
      {"BlenderbotSmall", R"({"model_type": "blenderbot-small", "architectures": ["BlenderbotSmallForConditionalGeneration"], "d_model": 32})",
       {f32("model.shared.weight", {96, 32}), f32("model.encoder.embed_positions.weight", {64, 32}), f32("model.encoder.layernorm_embedding.weight", {32}),
        f32("model.encoder.layers.0.self_attn.q_proj.weight", {32, 32}), f32("model.encoder.layers.0.self_attn_layer_norm.weight", {32}),
        f32("model.decoder.layers.0.encoder_attn.q_proj.weight", {32, 32}), f32("final_logits_bias", {1, 96})}},
      {"PLBart", R"({"model_type": "plbart", "architectures": ["PLBartForConditionalGeneration"], "d_model": 32})",
       {f32("model.shared.weight", {96, 32}), f32("model.encoder.embed_positions.weight", {66, 32}), f32("model.encoder.layernorm_embedding.weight", {32}),
        f32("model.encoder.layers.0.self_attn.q_proj.weight", {32, 32}), f32("model.decoder.layers.0.encoder_attn.q_proj.weight", {32, 32})}},
      {"Pegasus-X", R"({"model_type": "pegasus_x", "architectures": ["PegasusXForConditionalGeneration"], "d_model": 32})",
       {f32("model.shared.weight", {96, 32}), f32("model.encoder.embed_global.weight", {8, 32}), f32("model.encoder.layers.0.self_attn.q_proj.weight", {32, 32}),
        f32("model.encoder.layers.0.global_self_attn_layer_norm.weight", {32}), f32("model.decoder.layers.0.encoder_attn.q_proj.weight", {32, 32})}},
      {"NLLB-MoE", R"({"model_type": "nllb-moe", "architectures": ["NllbMoeForConditionalGeneration"], "d_model": 32})",
       {f32("model.shared.weight", {96, 32}), f32("model.encoder.layers.0.self_attn.q_proj.weight", {32, 32}), f32("model.encoder.layers.0.self_attn_layer_norm.weight", {32}),
        f32("model.decoder.layers.0.cross_attention.q_proj.weight", {32, 32}), f32("model.decoder.layer_norm.weight", {32})}},
      {"LED", R"({"model_type": "led", "architectures": ["LEDForConditionalGeneration"], "d_model": 32, "attention_window": [8]})",
       {f32("led.shared.weight", {96, 32}), f32("led.encoder.layers.0.self_attn.longformer_self_attn.query.weight", {32, 32}),
        f32("led.encoder.layernorm_embedding.weight", {32}), f32("led.decoder.layers.0.encoder_attn.q_proj.weight", {32, 32}), f32("final_logits_bias", {1, 96})}},
  };
  return all;
}

void check_unclaimed(const ModelRegistry& registry, const Model& model, const char* name) {
  // The id tempts: it is a hint, and no reason.
  const auto claims = registry.plugins().claims(model, "llama-mistral-gemma-qwen-phi-gpt2");
  REQUIRE(claims.size() == our_plugin_names().size());
  for (const auto& claim : claims) {
    INFO(name << ": " << claim.plugin << " says " << claim.score << ", " << claim.reason);
    CHECK(claim.score == 0);
    CHECK_FALSE(claim.failed);
  }
}

boost::json::object without(boost::json::object config, const char* key) {
  config.erase(key);
  return config;
}

}  // namespace

TEST_CASE("look-alikes: no plugin of ours claims another family's model", "[plugins][lookalikes]") {
  TestRegistry registry;
  for (const auto& other : look_alikes()) {
    check_unclaimed(registry.registry, Model(other.tensors), other.name);
    if (other.is_ours) continue;
    const auto config = boost::json::parse(other.config).get_object();
    check_unclaimed(registry.registry, Model(other.tensors, config), other.name);
    check_unclaimed(registry.registry, Model(other.tensors, without(config, "model_type")), other.name);
    CHECK(registry->detect_family(Model(other.tensors, config), "gpt2") == "unknown");
  }
}

TEST_CASE("look-alikes: what nobody claims is refused with what each plugin answered", "[plugins][lookalikes]") {
  TestRegistry registry;
  const auto& other = look_alikes().front();
  try {
    registry->register_model("gpt2", Model(other.tensors, boost::json::parse(other.config).get_object()));
    FAIL("registered");
  } catch (const Error& error) {
    CHECK(error.code() == Errc::kUnsupported);
    for (const auto& plugin : our_plugin_names())
      CHECK(std::string(error.what()).find("\n  " + plugin + ": 0 model_type is 'persimmon'") != std::string::npos);
  }
}

TEST_CASE("look-alikes: every variant of ours is claimed by its own plugin alone", "[plugins][lookalikes]") {
  const auto variant = GENERATE(from_range(kAllVariants));
  TestRegistry registry;
  const auto claims = registry->plugins().claims(open_checkpoint(checkpoint_of(variant)), "x");
  REQUIRE(claims.size() == our_plugin_names().size());
  INFO(variant);
  CHECK(claims[0].score == 100);
  CHECK(claims[0].family == claims[0].plugin);
  for (std::size_t i = 1; i < claims.size(); ++i) CHECK(claims[i].score == 0);
}

TEST_CASE("look-alikes: where the config has no model_type, the architecture tells the same", "[plugins][lookalikes]") {
  const auto variant = GENERATE(from_range(kAllVariants));
  TestRegistry registry;
  const auto with = registered(variant);
  Draft draft(variant);
  draft.config.erase("model_type");
  const Model model(draft.tensors, draft.config, draft.metadata);
  CHECK(registry->plugins().choose(model, "x").claim.score == 90);
  CHECK(registry->register_model("x", model)->parts == with->parts);
}

TEST_CASE("look-alikes: without a config the tensors tell the family, where they are its alone", "[plugins][lookalikes]") {
  // These names are shared: Llama's, Mistral's and Gemma 1's; a mixture's with stacked experts and Mixtral's; those of
  // Qwen 3's mixture and Mellum's.
  const auto shared = [](const std::string& variant) {
    return variant.starts_with("llama") || variant.starts_with("mistral") || variant == "gemma" || variant == "mixtral-fused" || variant == "qwen3-moe";
  };
  const auto variant = GENERATE(from_range(kVariants));
  INFO(variant);
  TestRegistry registry;
  const auto model = open_checkpoint(reference(variant));
  const Model bare(model.tensors(), {}, model.metadata());
  const auto claims = registry->plugins().claims(bare, "x");
  CHECK(claims[0].score == (shared(variant) ? 0 : 60));
  CHECK(claims[1].score == 0);
  if (!shared(variant)) CHECK(claims[0].family == registry->detect_family(model, "x"));
  try {
    registry->register_model("x", bare);
    FAIL("registered without a config");
  } catch (const Error& error) {
    CHECK(error.code() == Errc::kNotFound);
    CHECK(std::string(error.what()).find("head") != std::string::npos);
  }
}
