// Nemotron 3 and 4, Minitron (transformers: modeling_nemotron.py, configuration_nemotron.py).
#include <garage/sdk/family.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

// NemotronConfig.
constexpr StackDims kDefaults = {
    .hidden = 6144, .layers = 32, .heads = 48, .intermediate = 24576, .vocab = 256000, .max_positions = 4096};

const FamilyNames kNames = {"nemotron", {"nemotron"}, {"NemotronForCausalLM", "NemotronModel"}, {}};

class NemotronDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    const auto dims = read_stack_dims(config, kDefaults);
    // NemotronLayerNorm1P: weights are stored around 0.
    const NormStyle norm{
        .kind = NormKind::layer, .eps = config.positive("norm_eps", 1e-5), .has_bias = true, .weight_offset = 1};
    const auto activation = config.text("hidden_act", "relu2");
    const bool bias = config.flag("attention_bias", false), mlp_bias = config.flag("mlp_bias", false);
    StackBuilder text(model, {.family = "nemotron", .base_class = "NemotronModel", .all_modules = true}, dims);
    text.embedding("embed_tokens");
    const auto rope = text.rotary(read_rope(config, dims, {.partial_rotary_factor = 0.5}));
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

GARAGE_PLUGIN(NemotronDecomposer, {.name = "nemotron",
                                   .version = "1.0.0",
                                   .license = "Apache-2.0",
                                   .families = {"nemotron"},
                                   .model_types = kNames.model_types});
