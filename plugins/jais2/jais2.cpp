// Jais 2 (transformers: modeling_jais2.py, configuration_jais2.py).
#include <garage/sdk/family.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

// Jais2Config.
constexpr StackDims kDefaults = {
    .hidden = 3328, .layers = 32, .heads = 26, .intermediate = 26624, .vocab = 150272, .max_positions = 8192};

const FamilyNames kNames = {"jais2", {"jais2"}, {"Jais2ForCausalLM", "Jais2Model"}, {}};

class Jais2Decomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    const auto dims = read_stack_dims(config, kDefaults);
    const auto norm = layer_norm(config.positive("layer_norm_eps", 1e-5));
    const auto activation = config.text("hidden_act", "relu2");
    const bool bias = config.flag("attention_bias", true), mlp_bias = config.flag("mlp_bias", true);
    StackBuilder text(model, {.family = "jais2", .base_class = "Jais2Model", .all_modules = true}, dims);
    text.embedding("embed_tokens");
    const auto rope = text.rotary(read_rope(config, dims, kWholeHeads));
    for (auto& layer : text.layers()) {
      layer.stage({.norm = layer.norm("input_layernorm", norm),
                   .op = gqa(layer, "self_attn", {.bias = bias, .o_bias = bias, .rope = rope})});
      layer.stage({.norm = layer.norm("post_attention_layernorm", norm),
                   .op = plain_mlp(layer, "mlp", {activation, "up_proj", "down_proj", mlp_bias})});
    }
    text.final_norm("norm", norm);
    text.output_head({.tied = read_tie(config, false)});
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(Jais2Decomposer, {.name = "jais2",
                                .version = "1.0.0",
                                .license = "Apache-2.0",
                                .families = {"jais2"},
                                .model_types = kNames.model_types});
