// StableLM 2 and StableLM 3B (transformers: modeling_stablelm.py, configuration_stablelm.py).
#include <garage/sdk/family.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

// StableLmConfig.
constexpr StackDims kDefaults = {.hidden = 2560,
                                 .layers = 32,
                                 .heads = 32,
                                 .kv_heads = 32,
                                 .intermediate = 6912,
                                 .vocab = 50304,
                                 .max_positions = 4096};

const FamilyNames kNames = {"stablelm", {"stablelm"}, {"StableLmForCausalLM", "StableLmModel"}, {}};

// StableLmLayerNormPerHead: each head has a norm of its own, in a tensor of its own.
std::optional<QkNorm> read_qk_norm(const ConfigReader& config, double eps) {
  if (!config.flag("qk_layernorm", false)) return std::nullopt;
  return QkNorm{.style = {.kind = NormKind::layer, .eps = eps},
                .q = "q_layernorm",
                .k = "k_layernorm",
                .weights = HeadWeights::tensor_a_head};
}

class StableLmDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    const auto dims = read_stack_dims(config, kDefaults);
    const auto eps = config.positive("layer_norm_eps", 1e-5);
    const auto norm = layer_norm(eps);
    const auto activation = config.text("hidden_act", "silu");
    const bool bias = config.flag("use_qkv_bias", false);
    const bool parallel = config.flag("use_parallel_residual", false);
    const auto qk_norm = read_qk_norm(config, eps);
    StackBuilder text(model, {.family = "stablelm", .base_class = "StableLmModel", .all_modules = true}, dims);
    text.embedding("embed_tokens");
    const auto rope = text.rotary(read_rope(config, dims, {.partial_rotary_factor = 0.25}));
    for (auto& layer : text.layers()) {
      const auto attention = gqa(layer, "self_attn", {.bias = bias, .qk_norm = qk_norm, .rope = rope});
      const auto mlp = gated_mlp(layer, "mlp", {activation});
      const auto before = layer.norm("input_layernorm", norm);
      if (parallel) {
        layer.stage({{.norm = before, .op = attention}, {.norm = before, .op = mlp}});
      } else {
        layer.stage({.norm = before, .op = attention});
        layer.stage({.norm = layer.norm("post_attention_layernorm", norm), .op = mlp});
      }
    }
    text.final_norm("norm", norm);
    text.output_head({.tied = read_tie(config, false)});
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(StableLmDecomposer, {.name = "stablelm",
                                   .version = "1.0.0",
                                   .license = "Apache-2.0",
                                   .families = {"stablelm"},
                                   .model_types = kNames.model_types});
