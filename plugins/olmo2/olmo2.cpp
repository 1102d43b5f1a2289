// OLMo 2 (transformers: modeling_olmo2.py, configuration_olmo2.py).
#include <garage/sdk/family.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

// Olmo2Config.
constexpr StackDims kDefaults = {
    .hidden = 4096, .layers = 32, .heads = 32, .intermediate = 11008, .vocab = 50304, .max_positions = 2048};

// Its tensors are named as OLMo 3's are.
const FamilyNames kNames = {"olmo2", {"olmo2"}, {"Olmo2ForCausalLM", "Olmo2Model"}, {}};

class Olmo2Decomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    const auto dims = read_stack_dims(config, kDefaults);
    const auto norm = rms_before_cast(config.positive("rms_norm_eps", 1e-5));
    const auto activation = config.text("hidden_act", "silu");
    const bool bias = config.flag("attention_bias", false);
    StackBuilder text(model, {.family = "olmo2", .base_class = "Olmo2Model", .all_modules = true}, dims);
    text.embedding("embed_tokens");
    const auto rope = text.rotary(read_rope(config, dims, kWholeHeads));
    for (auto& layer : text.layers()) {
      layer.stage({.op = gqa(layer, "self_attn",
                             {.bias = bias,
                              .o_bias = bias,
                              .qk_norm = QkNorm{.style = norm, .over_all_heads = true},
                              .rope = rope}),
                   .post_norm = layer.norm("post_attention_layernorm", norm)});
      layer.stage({.op = gated_mlp(layer, "mlp", {activation}),
                   .post_norm = layer.norm("post_feedforward_layernorm", norm)});
    }
    text.final_norm("norm", norm);
    text.output_head({.tied = read_tie(config, false)});
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(Olmo2Decomposer, {.name = "olmo2",
                                .version = "1.0.0",
                                .license = "Apache-2.0",
                                .families = {"olmo2"},
                                .model_types = kNames.model_types});
