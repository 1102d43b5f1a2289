// Gemma 1, 2 and 3 (transformers: modeling_gemma.py, modeling_gemma2.py, modeling_gemma3.py and their configurations).
#include <cmath>
#include <string_view>

#include <garage/sdk/claim.hpp>
#include <garage/sdk/llama_like.hpp>
#include <garage/sdk/plugin.hpp>
#include <garage/sdk/rope_config.hpp>

#include "vision.hpp"

namespace {

using namespace garage;
using namespace garage::sdk;

// GemmaConfig, Gemma2Config, Gemma3TextConfig.
constexpr DecoderDims kGemma1 = {3072, 28, 16, 16, 256, 24576, 256000, 8192};
constexpr DecoderDims kGemma2 = {2304, 26, 8, 4, 256, 9216, 256000, 8192};
constexpr DecoderDims kGemma3 = {2304, 26, 8, 4, 256, 9216, 262208, 131072};

constexpr RopeDefaults kWhole = {.partial_rotary_factor = {}};

// What all have.
LlamaLike common(const ConfigReader& config, const DecoderDims& defaults, DecoderNames names) {
  LlamaLike facts;
  facts.names = std::move(names);
  facts.names.all_modules = true;
  facts.dims = read_decoder_dims(config, defaults);
  facts.norm_eps = config.positive("rms_norm_eps", 1e-6);
  facts.norms = NormStyle::gemma_rms;
  facts.embedding_scale = std::sqrt(static_cast<double>(facts.dims.hidden));
  facts.qkv_bias = facts.o_bias = config.flag("attention_bias", false);
  facts.head.declared_tied = config.flag("tie_word_embeddings", true);
  facts.head.tied_when_absent = true;  // none was published with a head of its own, and some say false all the same
  return facts;
}

// Absent: the class's default. Null: none.
std::optional<double> cap(const ConfigReader& config, std::string_view key, std::optional<double> otherwise) {
  if (config.is_null(key)) return std::nullopt;
  return config.has(key) ? config.positive(key, 0) : otherwise;
}

// GemmaAttention and Gemma2Attention hand it to SDPA alone, and the mask stays causal.
void refuse_both_ways(const ConfigReader& config) {
  if (config.flag("use_bidirectional_attention", false))
    config.unsupported("use_bidirectional_attention", "what depends on how attention is computed");
}

// transformers 4 computed GELU by tanh whatever hidden_act said; the first configs say "gelu" and mean that. Of two keys
// transformers 4 read hidden_activation, and 5 reads hidden_act.
std::string gemma1_activation(const ConfigReader& config) {
  const auto first = config.text("hidden_act", "gelu_pytorch_tanh");
  const auto act = config.text("hidden_activation", first);
  if (act != first && first != "gelu" && config.has("hidden_act"))
    config.unsupported("hidden_act", "that 'hidden_activation' is " + act);
  return act == "gelu" && !config.has("hidden_activation") ? "gelu_pytorch_tanh" : act;
}

LlamaLike gemma1(const ConfigReader& config) {
  refuse_both_ways(config);
  auto facts = common(config, kGemma1, llama_names("gemma", "GemmaModel"));
  facts.activation = gemma1_activation(config);
  facts.rope = read_rope(config, facts.dims.head_dim, facts.dims.max_positions, kWhole);
  return facts;
}

// What Gemma 2 and 3 share: four norms a layer, an own attention scale, layers that see a window only.
void sandwich(LlamaLike& facts, const ConfigReader& config,
              const std::function<bool(std::int64_t)>& slides_by_default) {
  facts.activation = config.text("hidden_activation", "gelu_pytorch_tanh");
  facts.sandwich = true;
  facts.attention_scale = 1 / std::sqrt(config.positive("query_pre_attn_scalar", 256));
  const auto sliding = read_sliding_layers(config, facts.dims.layers);
  std::optional<std::int64_t> window;
  if (!config.is_null("sliding_window")) window = config.dimension("sliding_window", 4096);
  if (window && !facts.causal) window = *window / 2 + 1;  // Gemma3TextConfig: half on each side
  facts.layer = [=, local = facts.local_rope.has_value()](std::int64_t i) {
    const bool slides = sliding ? (*sliding)[static_cast<std::size_t>(i)] : slides_by_default(i);
    return LayerFacts{.window = slides ? window : std::nullopt, .local_rope = local && slides};
  };
}

LlamaLike gemma2(const ConfigReader& config) {
  refuse_both_ways(config);
  auto facts = common(config, kGemma2, llama_names("gemma", "Gemma2Model"));
  facts.rope = read_rope(config, facts.dims.head_dim, facts.dims.max_positions, kWhole);
  facts.attention_softcap = cap(config, "attn_logit_softcapping", 50);
  facts.head.softcap = cap(config, "final_logit_softcapping", 30);
  sandwich(facts, config, [](std::int64_t i) { return i % 2 == 0; });
  return facts;
}

LlamaLike gemma3(const ConfigReader& config, DecoderNames names) {
  auto facts = common(config, kGemma3, std::move(names));
  const auto rope = [&](RopeDefaults defaults) {
    return read_rope(config, facts.dims.head_dim, facts.dims.max_positions, defaults);
  };
  facts.rope = rope({.theta = 1e6, .partial_rotary_factor = {}, .layer_type = "full_attention"});
  facts.local_rope = rope({.theta = 1e4,
                           .theta_key = "rope_local_base_freq",
                           .partial_rotary_factor = {},
                           .layer_type = "sliding_attention"});
  facts.qk_norm = true;
  facts.causal = !config.flag("use_bidirectional_attention", false);
  facts.attention_softcap = cap(config, "attn_logit_softcapping", std::nullopt);
  facts.head.softcap = cap(config, "final_logit_softcapping", std::nullopt);
  const auto pattern = config.dimension("sliding_window_pattern", 6);
  sandwich(facts, config, [pattern](std::int64_t i) { return (i + 1) % pattern != 0; });
  return facts;
}

// The text model of Gemma3ForConditionalGeneration, under every prefix that files have had.
DecoderNames multimodal_names() {
  auto names = llama_names("gemma", "Gemma3Model");
  names.prefix = "model.language_model.";
  names.other_prefixes = {"language_model.model.", "language_model.", "model.", ""};
  names.heads = {"lm_head", "language_model.lm_head"};
  return names;
}

bool is_multimodal(const Model& model) {
  const auto type = model_type_of(model);
  return type == "gemma3" || (type.empty() && (architecture_of(model) == "Gemma3ForConditionalGeneration" ||
                                               architecture_of(model) == "Gemma3ForSequenceClassification"));
}

const FamilyNames kNames = {"gemma",
                            {"gemma", "gemma2", "gemma3_text", "gemma3"},
                            {"GemmaForCausalLM", "GemmaModel", "Gemma2ForCausalLM", "Gemma2Model", "Gemma3ForCausalLM",
                             "Gemma3TextModel", "Gemma3ForConditionalGeneration", "Gemma3Model"},
                            // Gemma 2 and 3; Gemma 1's names are Llama's.
                            {{{"pre_feedforward_layernorm.weight", "post_feedforward_layernorm.weight",
                               "input_layernorm.weight", "post_attention_layernorm.weight", "mlp.gate_proj.weight"},
                              {"self_attn.q_proj.bias"}}}};

class GemmaDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    if (is_multimodal(model)) return decompose_multimodal(model, config);
    if (is_of(model, "gemma2")) return build_llama_like(model, gemma2(config)).finish();
    if (is_of(model, "gemma")) return build_llama_like(model, gemma1(config)).finish();
    return build_llama_like(model, gemma3(config, llama_names("gemma", "Gemma3TextModel"))).finish();
  }

 private:
  static ModelSpec decompose_multimodal(const Model& model, const ConfigReader& config) {
    static const boost::json::object kNothing;
    const auto text = config.maybe_object("text_config").value_or(ConfigReader(kNothing, "config.json: text_config"));
    auto facts = gemma3(text, multimodal_names());
    // Gemma3Model lays a mask of its own over the images' tokens, which a text model that looks both ways does not have.
    for (const auto* reader : {&config, &text})
      for (const auto* key : {"is_causal", "use_bidirectional_attention"})
        if (reader->has(key) && reader->flag(key, true) != (key == std::string_view("is_causal")))
          reader->unsupported(key, "attention both ways beside images");
    facts.head.declared_tied = config.flag("tie_word_embeddings", text.flag("tie_word_embeddings", true));
    auto build = build_llama_like(model, facts);
    add_vision(build, model,
               config.maybe_object("vision_config").value_or(ConfigReader(kNothing, "config.json: vision_config")),
               config.dimension("mm_tokens_per_image", 256));
    return build.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(GemmaDecomposer, {.name = "gemma",
                                .version = "1.0.0",
                                .license = "Apache-2.0",
                                .url = "",
                                .families = {"gemma"},
                                .model_types = kNames.model_types});
