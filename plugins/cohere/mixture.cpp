// transformers: modeling_cohere2_moe.py, configuration_cohere2_moe.py
#include "mixture.hpp"

#include <garage/sdk/layer_types.hpp>

using namespace garage;
using namespace garage::sdk;

namespace {

// Cohere2MoeConfig.
constexpr StackDims kDefaults = {.hidden = 8192,
                                 .layers = 40,
                                 .heads = 64,
                                 .head_dim = 128,
                                 .intermediate = 22528,
                                 .vocab = 256000,
                                 .max_positions = 8192};

// Which layers are what; the first first_k_dense_replace of them have their own rule.
struct LayerKinds {
  std::vector<bool> slides, dense;
};

LayerKinds read_kinds(const ConfigReader& config, std::int64_t layers) {
  const auto first = config.count("first_k_dense_replace", 0);
  const auto every = config.dimension("sliding_window_pattern", 4),
             every_first = config.dimension("prefix_dense_sliding_window_pattern", 1);
  LayerKinds kinds;
  for (std::int64_t i = 0; i < layers; ++i) {
    kinds.slides.push_back(i < first ? (i + 1) % every_first != 0 : (i - first + 1) % every != 0);
    kinds.dense.push_back(i < first);
  }
  if (config.has("layer_types"))
    kinds.slides = read_windows(config, layers, {.window = 4096}).slides;
  if (config.has("mlp_layer_types")) {
    const auto types = config.texts("mlp_layer_types");
    if (static_cast<std::int64_t>(types.size()) != layers)
      config.refuse("mlp_layer_types", "one for each of " + std::to_string(layers) + " layers");
    for (std::int64_t i = 0; i < layers; ++i) kinds.dense[static_cast<std::size_t>(i)] = types[static_cast<std::size_t>(i)] == "dense";
  }
  return kinds;
}

// Cohere2MoeTopKRouter: the best are chosen by their logits, and weighed by a softmax or by sigmoids of these alone.
Routing read_routing(const ConfigReader& config) {
  const auto function = config.text("expert_selection_fn", "softmax");
  if (function == "softmax") return softmax_of_chosen_routing();
  if (function != "sigmoid") config.unsupported("expert_selection_fn", "another choice than softmax and sigmoid");
  auto routing = sigmoid_routing();
  routing.renormalise = config.flag("norm_topk_prob", true);
  return routing;
}

MoeOptions read_mixture(const ConfigReader& config, const StackDims& dims) {
  MoeOptions options{.activation = config.text("hidden_act", "silu"),
                     .experts = config.dimension("num_experts", 8),
                     .top_k = config.dimension("num_experts_per_tok", 2),
                     .width = dims.intermediate,
                     .routing = read_routing(config),
                     .shared_gate = false,
                     .shared = "shared_experts"};
  const auto shared = config.count("num_shared_experts", 0);
  if (shared == 0) return options;
  options.shared_width = shared * dims.intermediate;
  const auto strategy = config.text("shared_expert_combination_strategy", "average");
  if (strategy == "average") options.routing.scale = options.shared_scale = 0.5;
  else if (strategy != "sum") config.unsupported("shared_expert_combination_strategy", "another sum than average and sum");
  return options;
}

NormStyle read_norm(const ConfigReader& config) {
  if (config.has("rms_norm_eps")) return rms(config.positive("rms_norm_eps"));
  return {.kind = NormKind::layer, .eps = config.positive("layer_norm_eps", 1e-5)};
}

Rope read_cohere2_rope(const ConfigReader& config, const StackDims& dims) {
  // Cohere2MoeConfig has the key, and passes it over.
  if (config.has("rope_scaling")) config.unsupported("rope_scaling", "a scaling outside rope_parameters");
  auto rope = read_rope(config, dims, kWholeHeads);
  rope.pairing = RopePairing::interleaved;
  return rope;
}

}  // namespace

ModelSpec decompose_cohere2_moe(const Model& model) {
  const auto config = ConfigReader::of(model);
  const auto dims = read_stack_dims(config, kDefaults);
  const auto norm = read_norm(config);
  const bool bias = config.flag("attention_bias", false);
  // create_sliding_window_causal_mask
  if (config.is_null("sliding_window")) config.refuse("sliding_window", "a whole number: the class always has a window");
  const auto window = config.dimension("sliding_window", 4096);
  const auto kinds = read_kinds(config, dims.layers);
  const bool dense_ones_turn = config.dimension("prefix_dense_sliding_window_pattern", 1) == 1;
  const auto mixture = read_mixture(config, dims);
  const auto dense_width = config.dimension("prefix_dense_intermediate_size", dims.intermediate);
  StackBuilder text(model, {.family = "cohere", .base_class = "Cohere2MoeModel", .all_modules = true}, dims);
  text.embedding("embed_tokens");
  const auto rope = text.rotary(read_cohere2_rope(config, dims));
  for (auto& layer : text.layers()) {
    const auto i = static_cast<std::size_t>(layer.index());
    const bool slides = kinds.slides[i], dense = kinds.dense[i];
    const auto both = layer.norm("input_layernorm", norm);
    const auto attention = gqa(layer, "self_attn",
                               {.bias = bias,
                                .o_bias = bias,
                                .rope = slides || (dense && dense_ones_turn) ? std::optional(rope) : std::nullopt,
                                .window = slides ? std::optional(window) : std::nullopt});
    const auto ffn = dense ? gated_mlp(layer, "mlp", {.activation = mixture.activation, .width = dense_width})
                           : moe(layer, "mlp", mixture);
    layer.stage({{.norm = both, .op = attention}, {.norm = both, .op = ffn}});
  }
  text.final_norm("norm", norm);
  text.output_head({.tied = read_tie(config, true), .logits_scale = config.positive("logit_scale", 0.0625)});
  return text.finish();
}
