// Mistral and Mixtral (transformers: modeling_mistral.py, modeling_mixtral.py and their configurations).
#include <garage/sdk/family.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

// MistralConfig; MixtralConfig differs in max_position_embeddings alone.
constexpr StackDims kDefaults = {.hidden = 4096,
                                 .layers = 32,
                                 .heads = 32,
                                 .kv_heads = 8,
                                 .intermediate = 14336,
                                 .vocab = 32000,
                                 .max_positions = 4096 * 32};

const FamilyNames kNames = {"mistral",
                            {"mistral", "mixtral", "ministral"},
                            {"MistralForCausalLM", "MistralModel", "MixtralForCausalLM", "MixtralModel",
                             "MinistralForCausalLM", "MinistralModel"},
                            // Mixtral's; Mistral's own names are Llama's.
                            {{{"block_sparse_moe.gate.weight", "block_sparse_moe.experts.0.w1.weight",
                               "self_attn.q_proj.weight", "input_layernorm.weight"},
                              {"input_layernorm.bias", "self_attn.q_norm.weight"}}}};

class MistralDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    const bool mixtral = is_of(model, "mixtral");
    const auto* base = mixtral ? "MixtralModel" : is_of(model, "ministral") ? "MinistralModel" : "MistralModel";
    const auto dims = read_stack_dims(config, kDefaults);
    const auto activation = config.text("hidden_act", "silu");
    const auto norm = rms(config.positive("rms_norm_eps", mixtral ? 1e-5 : 1e-6));
    auto rope = read_rope(config, dims, {.theta = mixtral ? 1e6 : 1e4, .partial_rotary_factor = {}});
    // With layer_types AutoConfig makes a Ministral of a Mistral; Mixtral's class knows none, and no window by default.
    const auto windows = read_windows(
        config, dims.layers, {.window = mixtral ? std::nullopt : std::optional(4096), .reads_layer_types = !mixtral});
    MoeOptions mixture{.activation = activation, .width = dims.intermediate, .routing = softmax_routing(true)};
    if (mixtral) {
      mixture.experts = config.dimension(config.spelling({"num_local_experts", "num_experts"}), 8);
      mixture.top_k = config.dimension("num_experts_per_tok", 2);
    }
    StackBuilder text(model, {.family = "mistral", .base_class = base, .all_modules = true}, dims);
    text.embedding("embed_tokens");
    text.rotary(rope);
    for (auto& layer : text.layers()) {
      layer.stage({.norm = layer.norm("input_layernorm", norm),
                   .op = gqa(layer, "self_attn", {.rope = rope, .window = windows.at(layer.index())})});
      layer.stage({.norm = layer.norm("post_attention_layernorm", norm),
                   .op = mixtral ? moe(layer, "mlp", mixture) : gated_mlp(layer, "mlp", {activation})});
    }
    text.final_norm("norm", norm);
    text.output_head({.tied = read_tie(config, false)});
    auto spec = text.finish();
    if (windows.window) spec.extra_info["sliding_window"] = *windows.window;
    return spec;
  }
};

}  // namespace

GARAGE_PLUGIN(MistralDecomposer, {.name = "mistral",
                                  .version = "1.0.0",
                                  .license = "Apache-2.0",
                                  .families = {"mistral"},
                                  .model_types = kNames.model_types});
