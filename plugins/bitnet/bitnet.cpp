// BitNet b1.58 (transformers: modeling_bitnet.py, configuration_bitnet.py), of weights that are numbers as they are. A
// checkpoint whose linear layers round weights and inputs as it runs says so in quantization_config.
#include <garage/sdk/family.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

// BitNetConfig.
constexpr StackDims kDefaults = {.hidden = 2560,
                                 .layers = 30,
                                 .heads = 20,
                                 .kv_heads = 5,
                                 .intermediate = 6912,
                                 .vocab = 128256,
                                 .max_positions = 2048};

const FamilyNames kNames = {"bitnet", {"bitnet"}, {"BitNetForCausalLM", "BitNetModel"}, {}};

class BitNetDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    // integrations/bitnet.py: AutoBitLinear, BitLinear
    if (config.has("quantization_config"))
      config.unsupported("quantization_config", "a model whose linear layers round weights and inputs as it runs");
    const auto dims = read_stack_dims(config, kDefaults);
    const auto norm = rms(config.positive("rms_norm_eps", 1e-5));
    const auto activation = config.text("hidden_act", "relu2");
    const bool bias = config.flag("attention_bias", false);
    StackBuilder text(model, {.family = "bitnet", .base_class = "BitNetModel", .all_modules = true}, dims);
    text.embedding("embed_tokens");
    auto defaults = kWholeHeads;
    defaults.theta = 500000;
    const auto rope = text.rotary(read_rope(config, dims, defaults));
    for (auto& layer : text.layers()) {
      layer.stage({.norm = layer.norm("input_layernorm", norm),
                   .op = gqa(layer, "self_attn",
                             {.bias = bias, .o_bias = bias, .rope = rope, .o_norm = NamedNorm{"attn_sub_norm", norm}})});
      layer.stage({.norm = layer.norm("post_attention_layernorm", norm),
                   .op = gated_mlp(layer, "mlp", {.activation = activation, .down_norm = NamedNorm{"ffn_sub_norm", norm}})});
    }
    text.final_norm("norm", norm);
    text.output_head({.tied = read_tie(config, false)});
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(BitNetDecomposer, {.name = "bitnet",
                                 .version = "1.0.0",
                                 .license = "Apache-2.0",
                                 .families = {"bitnet"},
                                 .model_types = kNames.model_types});
