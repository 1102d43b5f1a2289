// OLMo (transformers: modeling_olmo.py, configuration_olmo.py), OLMo 2 (modeling_olmo2.py, configuration_olmo2.py) and
// OLMo 3 (modeling_olmo3.py, configuration_olmo3.py).
#include "generations.hpp"

using namespace garage;
using namespace garage::sdk;

namespace {

// OlmoConfig, Olmo2Config and Olmo3Config.
constexpr StackDims kDefaults = {
    .hidden = 4096, .layers = 32, .heads = 32, .intermediate = 11008, .vocab = 50304, .max_positions = 2048};

// The tables of OLMo and OLMo 2 stay float32, and heads turn in it.
Rope in_float32(Rope rope) {
  rope.in_float32 = true;
  return rope;
}

LayerWindows read_olmo3_windows(const ConfigReader& config, std::int64_t layers) {
  // create_sliding_window_causal_mask
  if (config.is_null("sliding_window")) config.refuse("sliding_window", "a whole number: the class always has a window");
  return read_windows(config, layers, {.window = 4096, .slides = [](std::int64_t layer) { return (layer + 1) % 4 != 0; }});
}

}  // namespace

ModelSpec decompose_olmo(const Model& model) {
  const auto config = ConfigReader::of(model);
  const auto dims = read_stack_dims(config, kDefaults);
  // OlmoLayerNorm
  const NormStyle norm{.kind = NormKind::layer, .eps = 1e-5, .has_weight = false};
  const auto activation = config.text("hidden_act", "silu");
  const bool bias = config.flag("attention_bias", false);
  const auto clip = config.has("clip_qkv") ? std::optional(config.positive("clip_qkv")) : std::nullopt;
  StackBuilder text(model, {.family = "olmo", .base_class = "OlmoModel", .all_modules = true}, dims);
  text.embedding("embed_tokens");
  const auto rope = text.rotary(in_float32(read_rope(config, dims, kWholeHeads)));
  for (auto& layer : text.layers()) {
    layer.stage({.norm = layer.norm("input_layernorm", norm),
                 .op = gqa(layer, "self_attn", {.bias = bias, .o_bias = bias, .rope = rope, .clip = clip})});
    layer.stage({.norm = layer.norm("post_attention_layernorm", norm), .op = gated_mlp(layer, "mlp", {activation})});
  }
  text.final_norm("norm", norm);
  text.output_head({.tied = read_tie(config, false)});
  return text.finish();
}

ModelSpec decompose_olmo2(const Model& model) {
  const auto config = ConfigReader::of(model);
  const bool is_third = is_of(model, "olmo3");
  const auto dims = read_stack_dims(config, kDefaults);
  const auto norm = rms_before_cast(config.positive("rms_norm_eps", 1e-5));
  const auto activation = config.text("hidden_act", "silu");
  const bool bias = config.flag("attention_bias", false);
  const auto windows = is_third ? read_olmo3_windows(config, dims.layers)
                                : LayerWindows{{}, std::vector<bool>(static_cast<std::size_t>(dims.layers))};
  StackBuilder text(model, {.family = "olmo", .base_class = is_third ? "Olmo3Model" : "Olmo2Model", .all_modules = true},
                    dims);
  text.embedding("embed_tokens");
  const auto read = read_rope(config, dims, kWholeHeads);
  const auto rope = text.rotary(is_third ? read : in_float32(read));
  // Where the rope is scaled, that of layers with a window is not (OLMo 3, arXiv:2512.13961; transformers up to 4.57.
  // Olmo3Model of 5.x turns all layers by the scaled one: huggingface/transformers#45945).
  auto of_windows = rope;
  of_windows.scaling = {};
  for (auto& layer : text.layers()) {
    const auto window = windows.at(layer.index());
    layer.stage({.op = gqa(layer, "self_attn",
                           {.bias = bias,
                            .o_bias = bias,
                            .qk_norm = QkNorm{.style = norm, .over_all_heads = true},
                            .rope = window ? of_windows : rope,
                            .window = window}),
                 .post_norm = layer.norm("post_attention_layernorm", norm)});
    layer.stage({.op = gated_mlp(layer, "mlp", {activation}),
                 .post_norm = layer.norm("post_feedforward_layernorm", norm)});
  }
  text.final_norm("norm", norm);
  text.output_head({.tied = read_tie(config, false)});
  return text.finish();
}
