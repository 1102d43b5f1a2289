// GPT-NeoX and Pythia (transformers: modeling_gpt_neox.py, configuration_gpt_neox.py).
#include <garage/sdk/family.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

// GPTNeoXConfig.
constexpr StackDims kDefaults = {
    .hidden = 6144, .layers = 44, .heads = 64, .intermediate = 24576, .vocab = 50432, .max_positions = 2048};

// A quarter of each head turns. transformers 4 spells it rotary_pct and rotary_emb_base.
Rope rope_of(const ConfigReader& config, const StackDims& dims) {
  return read_rope(config, dims,
                   {.theta = config.positive("rotary_emb_base", 10000),
                    .partial_rotary_factor = config.positive("rotary_pct", 0.25)});
}

const FamilyNames kNames = {"gpt_neox",
                            {"gpt_neox"},
                            {"GPTNeoXForCausalLM", "GPTNeoXModel"},
                            {{{"attention.query_key_value.weight", "attention.dense.weight", "mlp.dense_h_to_4h.weight",
                               "input_layernorm.bias", "post_attention_layernorm.bias"},
                              {}}}};

class GptNeoxDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    const auto dims = read_stack_dims(config, kDefaults);
    const auto norm = layer_norm(config.positive("layer_norm_eps", 1e-5));
    const auto activation = config.text("hidden_act", "gelu");
    const bool bias = config.flag("attention_bias", true);
    const bool parallel = config.flag("use_parallel_residual", true);

    StackBuilder text(
        model, {.family = "gpt_neox", .base_class = "GPTNeoXModel", .prefix = "gpt_neox.", .heads = {"embed_out"}},
        dims);
    text.embedding("embed_in");
    const auto rope = text.rotary(rope_of(config, dims));
    for (auto& layer : text.layers()) {
      // Each head's rows are its q, its k and its v.
      const Branch attention = {.norm = layer.norm("input_layernorm", norm),
                                .op = gqa(layer, "attention",
                                          {.qkv = fused_qkv("query_key_value", FusedRows::by_group),
                                           .o = "dense",
                                           .bias = bias,
                                           .o_bias = bias,
                                           .rope = rope})};
      const Branch mlp = {.norm = layer.norm("post_attention_layernorm", norm),
                          .op = plain_mlp(layer, "mlp", {activation, "dense_h_to_4h", "dense_4h_to_h"})};
      if (parallel) {
        layer.stage({attention, mlp});
      } else {
        layer.stage(attention);
        layer.stage(mlp);
      }
    }
    text.final_norm("final_layer_norm", norm);
    text.output_head({.tied = read_tie(config, false)});
    text.ignore("layers.{}.attention.bias", "the causal mask");
    text.ignore("layers.{}.attention.masked_bias", "the causal mask's constant");
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(GptNeoxDecomposer, {.name = "gpt-neox",
                                  .version = "1.0.0",
                                  .license = "Apache-2.0",
                                  .families = {"gpt_neox"},
                                  .model_types = kNames.model_types});
