// dots.llm1 (transformers: modeling_dots1.py, configuration_dots1.py): Qwen 3's attention, DeepSeek 3's mixture.
#include <garage/sdk/family.hpp>
#include <garage/sdk/grouped_mixture.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

// Dots1Config.
constexpr StackDims kDefaults = {4608, 62, 32, 32, 0, 10944, 152064, 2048};
constexpr GroupedMixtureDefaults kMixture = {.width = 1408, .renormalise = false};

const FamilyNames kNames = {"dots1", {"dots1"}, {"Dots1ForCausalLM", "Dots1Model"}, {}};

class Dots1Decomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    const auto dims = read_stack_dims(config, kDefaults);
    const auto norm = rms(config.positive("rms_norm_eps", 1e-6));
    const auto activation = config.text("hidden_act", "silu");
    const bool bias = config.flag("attention_bias", false);
    const auto windows =
        read_windows(config, dims.layers, {.window = 4096, .slides = layers_from(config, /*otherwise=*/62)});
    const auto first_sparse = config.count("first_k_dense_replace", 0);
    const auto mixture = first_sparse < dims.layers ? read_grouped_mixture(config, kMixture, activation) : MoeOptions{};
    StackBuilder text(model, {.family = "dots1", .base_class = "Dots1Model", .all_modules = true}, dims);
    text.embedding("embed_tokens");
    GqaOptions attention{.bias = bias, .o_bias = bias, .qk_norm = QkNorm{norm}};
    attention.rope = text.rotary(read_rope(config, dims, kWholeHeads));
    for (auto& layer : text.layers()) {
      attention.window = windows.at(layer.index());
      layer.stage({.norm = layer.norm("input_layernorm", norm), .op = gqa(layer, "self_attn", attention)});
      layer.stage(
          {.norm = layer.norm("post_attention_layernorm", norm),
           .op = layer.index() >= first_sparse ? moe(layer, "mlp", mixture) : gated_mlp(layer, "mlp", {activation})});
    }
    text.final_norm("norm", norm);
    text.output_head({.tied = read_tie(config, false)});
    auto spec = text.finish();
    if (windows.window) spec.extra_info["sliding_window"] = *windows.window;
    return spec;
  }
};

}  // namespace

GARAGE_PLUGIN(Dots1Decomposer, {.name = "dots1",
                                .version = "1.0.0",
                                .license = "Apache-2.0",
                                .families = {"dots1"},
                                .model_types = kNames.model_types});
