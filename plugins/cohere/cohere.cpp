// Cohere: Command R, Aya (transformers: modeling_cohere.py, configuration_cohere.py), and Cohere 2: Command R7B, Command A
// (modeling_cohere2.py, configuration_cohere2.py), whose layers with a window alone have a rope.
#include "mixture.hpp"

namespace {

using namespace garage;
using namespace garage::sdk;

// CohereConfig, Cohere2Config.
constexpr StackDims kDefaults = {
    .hidden = 8192, .layers = 40, .heads = 64, .intermediate = 22528, .vocab = 256000, .max_positions = 8192};

const FamilyNames kNames = {"cohere",
                            {"cohere", "cohere2", "cohere2_moe"},
                            {"CohereForCausalLM", "CohereModel", "Cohere2ForCausalLM", "Cohere2Model", "Cohere2MoeForCausalLM",
                             "Cohere2MoeModel"},
                            {}};

// CohereLayerNorm
NormStyle read_norm(const ConfigReader& config) {
  return {.kind = NormKind::layer, .eps = config.positive("layer_norm_eps", 1e-5)};
}

// CohereRotaryEmbedding: pairs lie side by side.
Rope read_cohere_rope(const ConfigReader& config, const StackDims& dims, double theta) {
  auto defaults = kWholeHeads;
  defaults.theta = theta;
  auto rope = read_rope(config, dims, defaults);
  rope.pairing = RopePairing::interleaved;
  return rope;
}

void finish_with_head(StackBuilder& text, const ConfigReader& config, const NormStyle& norm) {
  text.final_norm("norm", norm);
  text.output_head({.tied = read_tie(config, true), .logits_scale = config.positive("logit_scale", 0.0625)});
}

ModelSpec decompose_cohere(const Model& model) {
  const auto config = ConfigReader::of(model);
  const auto dims = read_stack_dims(config, kDefaults);
  const auto norm = read_norm(config);
  const auto activation = config.text("hidden_act", "silu");
  const bool bias = config.flag("attention_bias", false);
  // Each head has a row of the norm's weight.
  const auto qk_norm = config.flag("use_qk_norm", false)
                           ? std::optional(QkNorm{.style = norm, .weights = HeadWeights::rows})
                           : std::nullopt;
  StackBuilder text(model, {.family = "cohere", .base_class = "CohereModel", .all_modules = true}, dims);
  text.embedding("embed_tokens");
  const auto rope = text.rotary(read_cohere_rope(config, dims, 500000));
  for (auto& layer : text.layers()) {
    const auto both = layer.norm("input_layernorm", norm);
    const auto attention = gqa(layer, "self_attn", {.bias = bias, .o_bias = bias, .qk_norm = qk_norm, .rope = rope});
    layer.stage({{.norm = both, .op = attention}, {.norm = both, .op = gated_mlp(layer, "mlp", {activation})}});
  }
  finish_with_head(text, config, norm);
  return text.finish();
}

ModelSpec decompose_cohere2(const Model& model) {
  const auto config = ConfigReader::of(model);
  const auto dims = read_stack_dims(config, kDefaults);
  const auto norm = read_norm(config);
  const auto activation = config.text("hidden_act", "silu");
  const bool bias = config.flag("attention_bias", false);
  // create_sliding_window_causal_mask
  if (config.is_null("sliding_window")) config.refuse("sliding_window", "a whole number: the class always has a window");
  const auto windows =
      read_windows(config, dims.layers, {.window = 4096, .slides = all_but_every_nth_layer(config, 4)});
  StackBuilder text(model, {.family = "cohere", .base_class = "Cohere2Model", .all_modules = true}, dims);
  text.embedding("embed_tokens");
  const auto rope = text.rotary(read_cohere_rope(config, dims, 10000));
  for (auto& layer : text.layers()) {
    const auto window = windows.at(layer.index());
    const auto both = layer.norm("input_layernorm", norm);
    const auto attention = gqa(layer, "self_attn",
                               {.bias = bias,
                                .o_bias = bias,
                                .rope = window ? std::optional(rope) : std::nullopt,
                                .window = window});
    layer.stage({{.norm = both, .op = attention}, {.norm = both, .op = gated_mlp(layer, "mlp", {activation})}});
  }
  finish_with_head(text, config, norm);
  return text.finish();
}

class CohereDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    if (is_of(model, "cohere2_moe")) return decompose_cohere2_moe(model);
    return is_of(model, "cohere2") ? decompose_cohere2(model) : decompose_cohere(model);
  }
};

}  // namespace

GARAGE_PLUGIN(CohereDecomposer, {.name = "cohere",
                                 .version = "1.0.0",
                                 .license = "Apache-2.0",
                                 .families = {"cohere"},
                                 .model_types = kNames.model_types});
