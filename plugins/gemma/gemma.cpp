// Gemma 1, 2 and 3, and VaultGemma (transformers: modeling_gemma.py, modeling_gemma2.py, modeling_gemma3.py,
// modeling_vaultgemma.py and their configurations); RecurrentGemma in recurrent_gemma.cpp.
#include <cmath>
#include <string_view>

#include <garage/sdk/family.hpp>

#include "recurrent_gemma.hpp"
#include "vision.hpp"

namespace {

using namespace garage;
using namespace garage::sdk;

// GemmaConfig, Gemma2Config and VaultGemmaConfig, Gemma3TextConfig.
constexpr StackDims kGemma1 = {3072, 28, 16, 16, 256, 24576, 256000, 8192};
constexpr StackDims kGemma2 = {2304, 26, 8, 4, 256, 9216, 256000, 8192};
constexpr StackDims kGemma3 = {2304, 26, 8, 4, 256, 9216, 262208, 131072};

// What they have in common.
struct Facts {
  StackDims dims;
  NormStyle norm;
  std::string activation;
  GqaOptions attention;
  LayerWindows windows;
  Rope rope;
  std::optional<Rope> local_rope;  // of layers that see a window only
  EmbeddingOptions embedding;
  HeadOptions head;

  Facts(const ConfigReader& config, const StackDims& defaults)
      : dims(read_stack_dims(config, defaults)), norm(gemma_rms(config.positive("rms_norm_eps", 1e-6))) {
    embedding.scale = std::sqrt(static_cast<double>(dims.hidden));
    attention.bias = attention.o_bias = config.flag("attention_bias", false);
    head.tied = read_tie(config, true);
    head.tied_when_absent = true;  // none was published with a head of its own, and some say false all the same
  }
};

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

// transformers 4 computed GELU by tanh whatever hidden_act said; the first configs say "gelu" and mean that. Of two
// keys transformers 4 read hidden_activation, and 5 reads hidden_act.
std::string gemma1_activation(const ConfigReader& config) {
  const auto first = config.text("hidden_act", "gelu_pytorch_tanh");
  const auto act = config.text("hidden_activation", first);
  if (act != first && first != "gelu" && config.has("hidden_act"))
    config.unsupported("hidden_act", "that 'hidden_activation' is " + act);
  return act == "gelu" && !config.has("hidden_activation") ? "gelu_pytorch_tanh" : act;
}

ModelSpec decompose_gemma1(const Model& model, const ConfigReader& config) {
  refuse_both_ways(config);
  Facts facts(config, kGemma1);
  const auto activation = gemma1_activation(config);
  facts.attention.rope = read_rope(config, facts.dims, kWholeHeads);
  StackBuilder text(model, {.family = "gemma", .base_class = "GemmaModel", .all_modules = true}, facts.dims);
  text.embedding("embed_tokens", facts.embedding);
  text.rotary(*facts.attention.rope);
  for (auto& layer : text.layers()) {
    layer.stage({.norm = layer.norm("input_layernorm", facts.norm), .op = gqa(layer, "self_attn", facts.attention)});
    layer.stage(
        {.norm = layer.norm("post_attention_layernorm", facts.norm), .op = gated_mlp(layer, "mlp", {activation})});
  }
  text.final_norm("norm", facts.norm);
  text.output_head(facts.head);
  return text.finish();
}

// What Gemma 2 and 3 share: an own attention scale, layers that see a window only.
Facts sandwich_facts(const ConfigReader& config, const StackDims& defaults, WindowRule slides) {
  Facts facts(config, defaults);
  facts.activation = config.text("hidden_activation", "gelu_pytorch_tanh");
  facts.attention.scale = 1 / std::sqrt(config.positive("query_pre_attn_scalar", 256));
  facts.windows = read_windows(config, facts.dims.layers, {.window = 4096, .slides = std::move(slides)});
  return facts;
}

// Four norms a layer; VaultGemma has the two before alone.
void add_stack(StackBuilder& text, const Facts& facts, bool has_post_norms = true) {
  text.embedding("embed_tokens", facts.embedding);
  text.rotary(facts.rope);
  if (facts.local_rope) text.rotary(*facts.local_rope, {.name = "rotary_emb_local"});
  for (auto& layer : text.layers()) {
    auto attention = facts.attention;
    attention.window = facts.windows.at(layer.index());
    attention.rope = facts.local_rope && facts.windows.slides_at(layer.index()) ? facts.local_rope : facts.rope;
    const auto add = [&](std::string_view before, const Part& op, std::string_view after) {
      Branch branch{.norm = layer.norm(before, facts.norm), .op = op};
      if (has_post_norms) branch.post_norm = layer.norm(after, facts.norm);
      layer.stage(branch);
    };
    add("input_layernorm", gqa(layer, "self_attn", attention), "post_attention_layernorm");
    add("pre_feedforward_layernorm", gated_mlp(layer, "mlp", {facts.activation}), "post_feedforward_layernorm");
  }
  text.final_norm("norm", facts.norm);
  text.output_head(facts.head);
}

// Gemma 2 and VaultGemma, whose attention is always causal.
ModelSpec decompose_gemma2(const Model& model, const ConfigReader& config) {
  const bool vault = is_of(model, "vaultgemma");
  if (!vault) refuse_both_ways(config);
  auto facts = sandwich_facts(config, kGemma2, every_other_layer());
  facts.rope = read_rope(config, facts.dims, kWholeHeads);
  facts.attention.softcap = cap(config, "attn_logit_softcapping", 50);
  facts.head.softcap = cap(config, "final_logit_softcapping", 30);
  const auto* base = vault ? "VaultGemmaModel" : "Gemma2Model";
  StackBuilder text(model, {.family = "gemma", .base_class = base, .all_modules = true}, facts.dims);
  add_stack(text, facts, !vault);
  return text.finish();
}

Facts gemma3_facts(const ConfigReader& config) {
  auto facts = sandwich_facts(config, kGemma3, all_but_every_nth_layer(config, 6));
  facts.rope =
      read_rope(config, facts.dims, {.theta = 1e6, .partial_rotary_factor = {}, .layer_type = "full_attention"});
  facts.local_rope = read_rope(config, facts.dims,
                               {.theta = 1e4,
                                .theta_key = "rope_local_base_freq",
                                .partial_rotary_factor = {},
                                .layer_type = "sliding_attention"});
  facts.attention.qk_norm = {facts.norm};
  facts.attention.causal = !config.flag("use_bidirectional_attention", false);
  // Gemma3TextConfig: half on each side.
  if (auto& window = facts.windows.window; window && !facts.attention.causal) window = *window / 2 + 1;
  facts.attention.softcap = cap(config, "attn_logit_softcapping", std::nullopt);
  facts.head.softcap = cap(config, "final_logit_softcapping", std::nullopt);
  return facts;
}

ModelSpec decompose_gemma3(const Model& model, const ConfigReader& config) {
  const auto facts = gemma3_facts(config);
  StackBuilder text(model, {.family = "gemma", .base_class = "Gemma3TextModel", .all_modules = true}, facts.dims);
  add_stack(text, facts);
  return text.finish();
}

// The text model of Gemma3ForConditionalGeneration, under every prefix that files have had.
const StackNames kMultimodal = {.family = "gemma",
                                .base_class = "Gemma3Model",
                                .prefix = "model.language_model.",
                                .other_prefixes = {"language_model.model.", "language_model.", "model.", ""},
                                .heads = {"lm_head", "language_model.lm_head"},
                                .all_modules = true};

ModelSpec decompose_multimodal(const Model& model, const ConfigReader& config) {
  const auto of_text = config.section("text_config");
  auto facts = gemma3_facts(of_text);
  // Gemma3Model lays a mask of its own over the images' tokens, which a text model that looks both ways does not have.
  for (const auto* reader : {&config, &of_text})
    for (const auto* key : {"is_causal", "use_bidirectional_attention"})
      if (reader->has(key) && reader->flag(key, true) != (key == std::string_view("is_causal")))
        reader->unsupported(key, "attention both ways beside images");
  facts.head.tied = read_tie(config, facts.head.tied);
  StackBuilder text(model, kMultimodal, facts.dims);
  add_stack(text, facts);
  add_vision(text, config.section("vision_config"), config.dimension("mm_tokens_per_image", 256));
  return text.finish();
}

bool is_multimodal(const Model& model) {
  const auto type = model_type_of(model);
  return type == "gemma3" || (type.empty() && (architecture_of(model) == "Gemma3ForConditionalGeneration" ||
                                               architecture_of(model) == "Gemma3ForSequenceClassification"));
}

const FamilyNames kNames = {
    "gemma",
    {"gemma", "gemma2", "gemma3_text", "gemma3", "vaultgemma", "recurrent_gemma"},
    {"GemmaForCausalLM", "GemmaModel", "Gemma2ForCausalLM", "Gemma2Model", "Gemma3ForCausalLM", "Gemma3TextModel",
     "Gemma3ForConditionalGeneration", "Gemma3Model", "VaultGemmaForCausalLM", "VaultGemmaModel",
     "RecurrentGemmaForCausalLM", "RecurrentGemmaModel"},
    // Gemma 2 and 3; Gemma 1's names are Llama's.
    {{{"pre_feedforward_layernorm.weight", "post_feedforward_layernorm.weight", "input_layernorm.weight",
       "post_attention_layernorm.weight", "mlp.gate_proj.weight"},
      {"self_attn.q_proj.bias"}}}};

class GemmaDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    if (is_of(model, "recurrent_gemma")) return decompose_recurrent_gemma(model, config);
    if (is_multimodal(model)) return decompose_multimodal(model, config);
    if (is_of(model, "gemma2") || is_of(model, "vaultgemma")) return decompose_gemma2(model, config);
    return is_of(model, "gemma") ? decompose_gemma1(model, config) : decompose_gemma3(model, config);
  }
};

}  // namespace

GARAGE_PLUGIN(GemmaDecomposer, {.name = "gemma",
                                .version = "1.0.0",
                                .license = "Apache-2.0",
                                .families = {"gemma"},
                                .model_types = kNames.model_types});
