// StarCoder 2 (transformers: modeling_starcoder2.py, configuration_starcoder2.py).
#include <garage/sdk/family.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

// Starcoder2Config.
constexpr StackDims kDefaults = {.hidden = 3072,
                                 .layers = 30,
                                 .heads = 24,
                                 .kv_heads = 2,
                                 .intermediate = 12288,
                                 .vocab = 49152,
                                 .max_positions = 4096};

const FamilyNames kNames = {"starcoder2",
                            {"starcoder2"},
                            {"Starcoder2ForCausalLM", "Starcoder2Model"},
                            {{{"self_attn.q_proj.weight", "mlp.c_fc.weight", "mlp.c_proj.weight",
                               "input_layernorm.bias"}}}};

class Starcoder2Decomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    const auto dims = read_stack_dims(config, kDefaults);
    const auto norm = layer_norm(config.positive("norm_epsilon", 1e-5));
    const auto activation = config.text("hidden_act", "gelu_pytorch_tanh");
    const bool bias = config.flag("use_bias", true);
    const auto windows = read_windows(config, dims.layers, {.reads_layer_types = false});
    StackBuilder text(model, {.family = "starcoder2", .base_class = "Starcoder2Model", .all_modules = true}, dims);
    text.embedding("embed_tokens");
    const auto rope = text.rotary(read_rope(config, dims, kWholeHeads));
    for (auto& layer : text.layers()) {
      layer.stage({.norm = layer.norm("input_layernorm", norm),
                   .op = gqa(layer, "self_attn",
                             {.bias = bias, .o_bias = bias, .rope = rope, .window = windows.at(layer.index())})});
      layer.stage({.norm = layer.norm("post_attention_layernorm", norm),
                   .op = plain_mlp(layer, "mlp", {activation, "c_fc", "c_proj", bias})});
    }
    text.final_norm("norm", norm);
    text.output_head({.tied = read_tie(config, true)});
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(Starcoder2Decomposer, {.name = "starcoder2",
                                     .version = "1.0.0",
                                     .license = "Apache-2.0",
                                     .families = {"starcoder2"},
                                     .model_types = kNames.model_types});
