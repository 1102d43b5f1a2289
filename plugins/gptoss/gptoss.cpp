// GPT-OSS (transformers: modeling_gpt_oss.py, configuration_gpt_oss.py). No op of core says its attention, which has
// sinks, nor its experts, whose gates are cut off: they are code of its own (own_modules.hpp).
#include <garage/sdk/family.hpp>

#include "mixture.hpp"
#include "sink_attention.hpp"

namespace {

using namespace garage;
using namespace garage::sdk;

// GptOssConfig.
constexpr StackDims kDefaults = {.hidden = 2880,
                                 .layers = 36,
                                 .heads = 64,
                                 .kv_heads = 8,
                                 .head_dim = 64,
                                 .intermediate = 2880,
                                 .vocab = 201088,
                                 .max_positions = 131072};

const FamilyNames kNames = {
    "gptoss",
    {"gpt_oss"},
    {"GptOssForCausalLM", "GptOssModel"},
    {{{"self_attn.sinks", "mlp.router.weight", "mlp.experts.gate_up_proj_bias", "mlp.experts.down_proj_bias"}, {}}}};

// GptOssConfig.__post_init__: without a rope there is this one; an empty rope_parameters is the plain one.
Rope read_gpt_oss_rope(const ConfigReader& config, const StackDims& dims) {
  const RopeDefaults defaults{.theta = 150000, .partial_rotary_factor = {}};
  const auto scaling = config.maybe_object("rope_scaling"), given = config.maybe_object("rope_parameters");
  for (const auto* type : {"sliding_attention", "full_attention"})
    if (given && given->has(type)) given->unsupported(type, "a rope for each type of layer");
  if (given || (scaling && !scaling->members().empty())) return read_rope(config, dims, defaults);
  auto members = config.members();
  members["rope_parameters"] = {{"rope_type", "yarn"}, {"factor", 32.0},    {"beta_fast", 32.0},
                                {"beta_slow", 1.0},    {"truncate", false}, {"original_max_position_embeddings", 4096}};
  return read_rope(ConfigReader(members, config.path()), dims, defaults);
}

// GptOssModel makes a mask of the window for every model, and fails where there is none.
LayerWindows read_gpt_oss_windows(const ConfigReader& config, const StackDims& dims) {
  if (config.is_null("sliding_window"))
    config.refuse("sliding_window", "a whole number: the class always has a window");
  return read_windows(config, dims.layers, {.window = 128, .slides = every_other_layer()});
}

class GptOssDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    const auto dims = read_stack_dims(config, kDefaults);
    const auto norm = rms_before_cast(config.positive("rms_norm_eps", 1e-5));
    const auto windows = read_gpt_oss_windows(config, dims);
    const auto experts = read_gpt_oss_experts(config);
    StackBuilder text(model, {.family = "gptoss", .base_class = "GptOssModel", .all_modules = true}, dims);
    text.embedding("embed_tokens");
    const auto rope = text.rotary(read_gpt_oss_rope(config, dims));
    const SinkAttentionOptions attention{.bias = config.flag("attention_bias", true),
                                         .causal = config.flag("is_causal", true),
                                         .rope = rope,
                                         .rope_module = text.module_path("rotary_emb")};
    for (auto& layer : text.layers()) {
      layer.stage({.norm = layer.norm("input_layernorm", norm),
                   .op = sink_attention(layer, "self_attn", attention, windows.at(layer.index()))});
      layer.stage({.norm = layer.norm("post_attention_layernorm", norm), .op = gpt_oss_mixture(layer, "mlp", experts)});
    }
    text.final_norm("norm", norm);
    text.output_head({.tied = read_tie(config, false)});
    auto spec = text.finish();
    spec.extra_info["sliding_window"] = *windows.window;
    return spec;
  }
};

}  // namespace

GARAGE_PLUGIN(GptOssDecomposer, {.name = "gptoss",
                                 .version = "1.0.0",
                                 .license = "Apache-2.0",
                                 .families = {"gptoss"},
                                 .model_types = kNames.model_types});
