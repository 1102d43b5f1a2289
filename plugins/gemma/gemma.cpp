// Gemma: 1, 2 and 3 (text_models.cpp), 3n, 4, RecurrentGemma, and those that see pictures (multimodal.cpp).
#include <garage/sdk/family.hpp>

#include "gemma3n.hpp"
#include "gemma4.hpp"
#include "multimodal.hpp"
#include "recurrent_gemma.hpp"
#include "text_models.hpp"

namespace {

using namespace garage;
using namespace garage::sdk;

ModelSpec decompose_gemma1(const Model& model, const ConfigReader& config) {
  refuse_both_ways(config);
  const auto facts = read_gemma1(config);
  StackBuilder text(model, {.family = "gemma", .base_class = "GemmaModel", .all_modules = true}, facts.dims);
  add_gemma1(text, facts);
  return text.finish();
}

// Gemma 2 and VaultGemma, whose attention is always causal.
ModelSpec decompose_gemma2(const Model& model, const ConfigReader& config) {
  const bool is_vault = is_of(model, "vaultgemma");
  if (!is_vault) refuse_both_ways(config);
  const auto facts = read_gemma2(config, is_vault);
  const auto* base = is_vault ? "VaultGemmaModel" : "Gemma2Model";
  StackBuilder text(model, {.family = "gemma", .base_class = base, .all_modules = true}, facts.dims);
  add_sandwiches(text, facts);
  return text.finish();
}

ModelSpec decompose_gemma3(const Model& model, const ConfigReader& config) {
  const auto facts = read_gemma3(config);
  StackBuilder text(model, {.family = "gemma", .base_class = "Gemma3TextModel", .all_modules = true}, facts.dims);
  add_sandwiches(text, facts);
  return text.finish();
}

const FamilyNames kNames = {
    "gemma",
    {"gemma", "gemma2", "gemma3_text", "gemma3", "vaultgemma", "recurrent_gemma", "gemma3n_text", "gemma4_text",
     "gemma4_unified_text", "gemma4", "paligemma"},
    {"GemmaForCausalLM", "GemmaModel", "Gemma2ForCausalLM", "Gemma2Model", "Gemma3ForCausalLM", "Gemma3TextModel",
     "Gemma3ForConditionalGeneration", "Gemma3Model", "VaultGemmaForCausalLM", "VaultGemmaModel",
     "RecurrentGemmaForCausalLM", "RecurrentGemmaModel", "Gemma3nForCausalLM", "Gemma3nTextModel",
     "Gemma4ForCausalLM", "Gemma4TextModel", "Gemma4UnifiedForCausalLM", "Gemma4UnifiedTextModel",
     "Gemma4ForConditionalGeneration", "Gemma4Model", "PaliGemmaForConditionalGeneration", "PaliGemmaModel"},
    // Gemma 2 and 3; Gemma 1's names are Llama's.
    {{{"pre_feedforward_layernorm.weight", "post_feedforward_layernorm.weight", "input_layernorm.weight",
       "post_attention_layernorm.weight", "mlp.gate_proj.weight"},
      {"self_attn.q_proj.bias", "layer_scalar", "altup.correct_output_scale"}}}};

class GemmaDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    if (is_of(model, "recurrent_gemma")) return decompose_recurrent_gemma(model, config);
    if (is_of(model, "gemma3n_text")) return decompose_gemma3n(model, config);
    if (is_of(model, "gemma4_text") || is_of(model, "gemma4_unified_text")) return decompose_gemma4(model, config);
    if (is_of(model, "gemma4")) return decompose_gemma4_with_pictures(model, config);
    if (is_of(model, "paligemma")) return decompose_paligemma(model, config);
    if (is_of(model, "gemma2") || is_of(model, "vaultgemma")) return decompose_gemma2(model, config);
    if (is_of(model, "gemma")) return decompose_gemma1(model, config);
    // Whatever bears no name is told by its tensors, and is a text model.
    const bool sees = is_of(model, "gemma3") && !is_of(model, "gemma3_text");
    return sees ? decompose_gemma3_with_pictures(model, config) : decompose_gemma3(model, config);
  }
};

}  // namespace

GARAGE_PLUGIN(GemmaDecomposer, {.name = "gemma",
                                .version = "1.0.0",
                                .license = "Apache-2.0",
                                .families = {"gemma"},
                                .model_types = kNames.model_types});
