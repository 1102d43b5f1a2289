// Mellum 2 (transformers: modeling_mellum.py, configuration_mellum.py): Qwen 3's layers, each of which is what the
// config says of it, with a rope for each type of attention.
#include <algorithm>

#include <garage/sdk/family.hpp>
#include <garage/sdk/rope_of_type.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

// MellumConfig.
constexpr StackDims kDefaults = {2304, 28, 32, 4, 128, 7168, 98304, 131072};

// Its tensors are named as Qwen 3's mixtures' are.
const FamilyNames kNames = {"mellum", {"mellum"}, {"MellumForCausalLM", "MellumModel"}, {}};

// The masks are made of what layer_types has, and fail without a window.
LayerWindows read_mellum_windows(const ConfigReader& config, const StackDims& dims) {
  const auto none = [](std::int64_t) { return false; };
  auto windows = read_windows(config, dims.layers, {.window = 1024, .slides = none});
  if (!windows.window && std::find(windows.slides.begin(), windows.slides.end(), true) != windows.slides.end())
    config.refuse("sliding_window", "a whole number: layer_types has layers that see a window");
  return windows;
}

MoeOptions read_mixture(const ConfigReader& config, const std::string& activation) {
  return {.activation = activation,
          .experts = config.dimension_of({"num_local_experts", "num_experts"}, 64),
          .top_k = config.dimension("num_experts_per_tok", 8),
          .width = config.dimension("moe_intermediate_size", 896),
          .routing = softmax_routing(config.flag("norm_topk_prob", true))};
}

class MellumDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    const auto dims = read_stack_dims(config, kDefaults);
    const auto norm = rms(config.positive("rms_norm_eps", 1e-6));
    const auto activation = config.text("hidden_act", "silu");
    const bool bias = config.flag("attention_bias", false);
    const auto windows = read_mellum_windows(config, dims);
    const auto mixture = read_mixture(config, activation);
    std::vector<std::string> kinds(static_cast<std::size_t>(dims.layers), "sparse");
    if (config.has("mlp_layer_types"))
      kinds = read_layer_types(config, dims.layers, {"dense", "sparse"}, "mlp_layer_types");
    StackBuilder text(model, {.family = "mellum", .base_class = "MellumModel", .all_modules = true}, dims);
    text.embedding("embed_tokens");
    std::optional<Rope> full, sliding;  // of layers that see all, and of those that see a window
    const auto rope_of = [&](std::int64_t layer) {
      const bool slides = windows.slides_at(layer);
      auto& rope = slides ? sliding : full;
      if (rope) return *rope;
      rope = read_rope_of_type(config, dims, slides ? "sliding_attention" : "full_attention",
                               {.theta = slides ? 1e4 : 5e5});
      return text.rotary(*rope, {.name = slides ? "rotary_emb_local" : "rotary_emb"});
    };
    for (std::int64_t i = 0; i < dims.layers; ++i) rope_of(i);  // so that their parts come before the layers'
    for (auto& layer : text.layers()) {
      const auto i = layer.index();
      layer.stage(
          {.norm = layer.norm("input_layernorm", norm),
           .op = gqa(
               layer, "self_attn",
               {.bias = bias, .o_bias = bias, .qk_norm = QkNorm{norm}, .rope = rope_of(i), .window = windows.at(i)})});
      layer.stage({.norm = layer.norm("post_attention_layernorm", norm),
                   .op = kinds[static_cast<std::size_t>(i)] == "sparse" ? moe(layer, "mlp", mixture)
                                                                        : gated_mlp(layer, "mlp", {activation})});
    }
    text.final_norm("norm", norm);
    text.output_head({.tied = read_tie(config, false)});
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(MellumDecomposer, {.name = "mellum",
                                 .version = "1.0.0",
                                 .license = "Apache-2.0",
                                 .families = {"mellum"},
                                 .model_types = kNames.model_types});
