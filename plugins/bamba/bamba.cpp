// transformers: modeling_bamba.py, configuration_bamba.py.
#include <algorithm>

#include <garage/sdk/family.hpp>
#include <garage/sdk/state_space_config.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

// BambaConfig.
constexpr StackDims kDefaults = {.hidden = 4096,
                                 .layers = 32,
                                 .heads = 32,
                                 .kv_heads = 8,
                                 .intermediate = 14336,
                                 .vocab = 128000,
                                 .max_positions = 262144};

// The class turns heads as a whole; its config says half, which a scaled rope would heed.
Rope read_bamba_rope(const ConfigReader& config, const StackDims& dims) {
  const auto rope = read_rope(config, dims, kWholeHeads);
  if (rope.scaling.kind != RopeScalingKind::none) config.unsupported("rope_parameters", "a scaled rope");
  return rope;
}

const FamilyNames kNames = {"bamba", {"bamba"}, {"BambaForCausalLM", "BambaModel"}, {}};

class BambaDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    const auto dims = read_stack_dims(config, kDefaults);
    const auto norm = rms(config.positive("rms_norm_eps", 1e-5));
    auto space = read_mamba_heads(config, config.dimension("mamba_expand", 2) * dims.hidden);
    space.norm = NamedNorm{"norm", norm};
    const auto attends = config.indices("attn_layer_indices");
    const GatedMlpOptions mlp{.activation = config.text("hidden_act", "silu"), .bias = config.flag("mlp_bias", false)};
    StackBuilder text(model, {.family = "bamba", .base_class = "BambaModel", .all_modules = true}, dims);
    text.embedding("embed_tokens");
    GqaOptions attention{.rope = text.rotary(read_bamba_rope(config, dims))};
    attention.bias = attention.o_bias = config.flag("attention_bias", false);
    for (auto& layer : text.layers()) {
      const bool is_attention = std::find(attends.begin(), attends.end(), layer.index()) != attends.end();
      layer.stage({.norm = layer.norm("input_layernorm", norm),
                   .op = is_attention ? gqa(layer, "self_attn", attention) : head_state_space(layer, "mamba", space)});
      layer.stage({.norm = layer.norm("pre_ff_layernorm", norm), .op = gated_mlp(layer, "feed_forward", mlp)});
    }
    text.final_norm("final_layernorm", norm);
    text.output_head({.tied = read_tie(config, false)});
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(BambaDecomposer, {.name = "bamba",
                                .version = "1.0.0",
                                .license = "Apache-2.0",
                                .families = {"bamba"},
                                .model_types = kNames.model_types});
