// Llama (transformers: modeling_llama.py, configuration_llama.py): Llama 1 to 3.3, CodeLlama, TinyLlama and all else
// whose model_type is `llama`; Llama 4 in llama4.cpp, what its classes were copied into in copies.cpp.
#include <garage/sdk/family.hpp>

#include "copies.hpp"
#include "llama4.hpp"

namespace {

using namespace garage;
using namespace garage::sdk;

// LlamaConfig.
constexpr StackDims kDefaults = {
    .hidden = 4096, .layers = 32, .heads = 32, .intermediate = 11008, .vocab = 32000, .max_positions = 2048};

// Tensor names and shapes are Mistral's too, so that they are no reason to claim a model.
const FamilyNames kNames = {"llama",
                            {"llama", "llama4", "llama4_text", "smollm3", "seed_oss", "arcee", "cwm"},
                            {"LlamaForCausalLM", "LlamaModel", "Llama4ForCausalLM", "Llama4TextModel",
                             "Llama4ForConditionalGeneration", "SmolLM3ForCausalLM", "SmolLM3Model",
                             "SeedOssForCausalLM", "SeedOssModel", "ArceeForCausalLM", "ArceeModel", "CwmForCausalLM",
                             "CwmModel"}};

class LlamaDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    if (is_llama4(model)) return decompose_llama4(model);
    if (is_llama_copy(model)) return decompose_llama_copy(model);
    const auto config = ConfigReader::of(model);
    const auto dims = read_stack_dims(config, kDefaults);
    const auto activation = config.text("hidden_act", "silu");
    const auto norm = rms(config.positive("rms_norm_eps", 1e-6));
    const bool bias = config.flag("attention_bias", false), mlp_bias = config.flag("mlp_bias", false);
    StackBuilder text(model, {.family = "llama", .base_class = "LlamaModel", .all_modules = true}, dims);
    text.embedding("embed_tokens");
    const auto rope = text.rotary(read_rope(config, dims, kWholeHeads));
    for (auto& layer : text.layers()) {
      layer.stage({.norm = layer.norm("input_layernorm", norm),
                   .op = gqa(layer, "self_attn", {.bias = bias, .o_bias = bias, .rope = rope})});
      layer.stage({.norm = layer.norm("post_attention_layernorm", norm),
                   .op = gated_mlp(layer, "mlp", {.activation = activation, .bias = mlp_bias})});
    }
    text.final_norm("norm", norm);
    text.output_head({.tied = read_tie(config, false)});
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(LlamaDecomposer, {.name = "llama",
                                .version = "1.0.0",
                                .license = "Apache-2.0",
                                .families = {"llama"},
                                .model_types = kNames.model_types});
