// OLMoE (transformers: modeling_olmoe.py, configuration_olmoe.py), whose layers are Llama's with a mixture and norms over all
// heads, and FlexOlmo (modeling_flex_olmo.py, configuration_flex_olmo.py), whose are OLMo 2's with a mixture.
#include "mixtures.hpp"

using namespace garage;
using namespace garage::sdk;

namespace {

// OlmoeConfig, FlexOlmoConfig.
constexpr StackDims kOlmoeDefaults = {
    .hidden = 2048, .layers = 16, .heads = 16, .intermediate = 2048, .vocab = 50304, .max_positions = 4096};
constexpr StackDims kFlexDefaults = {
    .hidden = 4096, .layers = 32, .heads = 32, .intermediate = 11008, .vocab = 100352, .max_positions = 4096};

MoeOptions read_mixture(const ConfigReader& config, const StackDims& dims, std::int64_t experts, std::int64_t top_k) {
  return {.activation = config.text("hidden_act", "silu"),
          .experts = config.dimension_of({"num_experts", "num_local_experts"}, experts),
          .top_k = config.dimension("num_experts_per_tok", top_k),
          .width = dims.intermediate,
          .routing = softmax_routing(config.flag("norm_topk_prob", false))};
}

}  // namespace

ModelSpec decompose_olmoe(const Model& model) {
  const auto config = ConfigReader::of(model);
  const auto dims = read_stack_dims(config, kOlmoeDefaults);
  const auto norm = rms(config.positive("rms_norm_eps", 1e-5));
  const bool bias = config.flag("attention_bias", false);
  const auto clip = config.has("clip_qkv") ? std::optional(config.positive("clip_qkv")) : std::nullopt;
  const auto mixture = read_mixture(config, dims, 64, 8);
  StackBuilder text(model, {.family = "olmo", .base_class = "OlmoeModel", .all_modules = true}, dims);
  text.embedding("embed_tokens");
  const auto rope = text.rotary(read_rope(config, dims, kWholeHeads));
  for (auto& layer : text.layers()) {
    layer.stage({.norm = layer.norm("input_layernorm", norm),
                 .op = gqa(layer, "self_attn",
                           {.bias = bias,
                            .o_bias = bias,
                            .qk_norm = QkNorm{.style = norm, .over_all_heads = true},
                            .rope = rope,
                            .clip = clip})});
    layer.stage({.norm = layer.norm("post_attention_layernorm", norm), .op = moe(layer, "mlp", mixture)});
  }
  text.final_norm("norm", norm);
  text.output_head({.tied = read_tie(config, false)});
  return text.finish();
}

ModelSpec decompose_flex_olmo(const Model& model) {
  const auto config = ConfigReader::of(model);
  const auto dims = read_stack_dims(config, kFlexDefaults);
  const auto norm = rms_before_cast(config.positive("rms_norm_eps", 1e-6));
  const bool bias = config.flag("attention_bias", false);
  const auto mixture = read_mixture(config, dims, 7, 5);
  StackBuilder text(model, {.family = "olmo", .base_class = "FlexOlmoModel", .all_modules = true}, dims);
  text.embedding("embed_tokens");
  auto defaults = kWholeHeads;
  defaults.theta = 500000;
  auto read = read_rope(config, dims, defaults);
  read.in_float32 = true;
  const auto rope = text.rotary(read);
  for (auto& layer : text.layers()) {
    layer.stage({.op = gqa(layer, "self_attn",
                           {.bias = bias,
                            .o_bias = bias,
                            .qk_norm = QkNorm{.style = norm, .over_all_heads = true},
                            .rope = rope}),
                 .post_norm = layer.norm("post_attention_layernorm", norm)});
    layer.stage({.op = moe(layer, "mlp", mixture), .post_norm = layer.norm("post_feedforward_layernorm", norm)});
  }
  text.final_norm("norm", norm);
  text.output_head({.tied = read_tie(config, false)});
  return text.finish();
}
