// Falcon-H1 (transformers: modeling_falcon_h1.py, configuration_falcon_h1.py): attention and state space read the same
// input side by side, and everything has a factor of its own.
#include <cmath>

#include <garage/sdk/family.hpp>
#include <garage/sdk/state_space_config.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

// FalconH1Config.
constexpr StackDims kDefaults = {.hidden = 4096,
                                 .layers = 32,
                                 .heads = 32,
                                 .kv_heads = 8,
                                 .intermediate = 14336,
                                 .vocab = 128000,
                                 .max_positions = 8192};

// So many factors; where there is no list each is 1.
std::vector<double> read_factors(const ConfigReader& config, std::string_view key, std::size_t count) {
  if (!config.has(key)) return std::vector<double>(count, 1);
  auto factors = config.numbers(key);
  if (factors.size() != count) config.refuse(key, std::to_string(count) + " numbers");
  for (const auto factor : factors)
    if (factor <= 0) config.refuse(key, "numbers above 0");
  return factors;
}

std::optional<double> unless_1(double factor) { return factor == 1 ? std::nullopt : std::optional<double>(factor); }

// FalconH1Mixer
HeadStateSpaceOptions read_mixer(const ConfigReader& config, const StackDims& dims, double eps) {
  const auto inner = config.is_null("mamba_d_ssm") ? config.dimension("mamba_expand", 2) * dims.hidden
                                                   : config.dimension("mamba_d_ssm", 1024);
  auto space = read_mamba_heads(config, inner);
  space.o_bias = config.flag("projectors_bias", false);
  space.input_scale = unless_1(config.positive("ssm_in_multiplier", 1));
  space.segment_scales = read_factors(config, "ssm_multipliers", 5);
  if (!config.flag("mamba_rms_norm", false)) return space;
  space.norm = NamedNorm{"norm", rms(eps)};
  space.norm_groups = space.groups;
  space.norm_before_gate = config.flag("mamba_norm_before_gate", true);
  return space;
}

const FamilyNames kNames = {"falconh1", {"falcon_h1"}, {"FalconH1ForCausalLM", "FalconH1Model"}, {}};

class FalconH1Decomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    const auto dims = read_stack_dims(config, kDefaults);
    const auto eps = config.positive("rms_norm_eps", 1e-5);
    const auto space = read_mixer(config, dims, eps);
    const auto mlp_factors = read_factors(config, "mlp_multipliers", 2);
    const GatedMlpOptions mlp{.activation = config.text("hidden_act", "silu"),
                              .bias = config.flag("mlp_bias", false),
                              .gate_scale = unless_1(mlp_factors[0]),
                              .output_scale = unless_1(mlp_factors[1])};
    const auto in = config.positive("attention_in_multiplier", 1), out = config.positive("attention_out_multiplier", 1);
    const auto space_out = config.positive("ssm_out_multiplier", 1);
    StackBuilder text(model, {.family = "falconh1", .base_class = "FalconH1Model", .all_modules = true}, dims);
    text.embedding("embed_tokens", {.scale = config.positive("embedding_multiplier", 1), .keeps_scale = true});
    GqaOptions attention{.rope = text.rotary(read_rope(config, dims, kWholeHeads))};
    attention.bias = attention.o_bias = config.flag("attention_bias", false);
    // What keys are multiplied by scores are multiplied by.
    attention.scale = config.positive("key_multiplier", 1) / std::sqrt(static_cast<double>(dims.head_dim));
    for (auto& layer : text.layers()) {
      const auto norm = layer.norm("input_layernorm", rms(eps));
      const Branch mixes{.norm = norm, .op = head_state_space(layer, "mamba", space), .scale = space_out};
      const Branch attends{.norm = norm, .op = gqa(layer, "self_attn", attention), .scale = out, .input_scale = in};
      layer.stage({mixes, attends});
      layer.stage({.norm = layer.norm("pre_ff_layernorm", rms(eps)), .op = gated_mlp(layer, "feed_forward", mlp)});
    }
    text.ignore("layers.{}.mamba.mup_vector", "recomputed from ssm_multipliers");
    text.final_norm("final_layernorm", rms(eps));
    text.output_head(
        {.tied = read_tie(config, false), .logits_scale = unless_1(config.positive("lm_head_multiplier", 1))});
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(FalconH1Decomposer, {.name = "falconh1",
                                   .version = "1.0.0",
                                   .license = "Apache-2.0",
                                   .families = {"falconh1"},
                                   .model_types = kNames.model_types});
