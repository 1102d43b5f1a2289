// Jamba (transformers: modeling_jamba.py, configuration_jamba.py): of every few layers one attends, the others are
// Mamba's mixers; feed-forwards are dense, or mixtures.
#include <garage/sdk/family.hpp>
#include <garage/sdk/state_space_config.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

// JambaConfig.
constexpr StackDims kDefaults = {.hidden = 4096,
                                 .layers = 32,
                                 .heads = 32,
                                 .kv_heads = 8,
                                 .intermediate = 14336,
                                 .vocab = 65536,
                                 .max_positions = 262144};

const FamilyNames kNames = {"jamba", {"jamba"}, {"JambaForCausalLM", "JambaModel"}, {}};

// Every so many layers one, from an offset on.
struct Period {
  std::int64_t every, offset;
  bool holds(std::int64_t layer) const { return layer % every == offset; }
};

Period read_period(const ConfigReader& config, const std::string& of, Period defaults) {
  const Period period{config.dimension(of + "_period", defaults.every), config.count(of + "_offset", defaults.offset)};
  if (period.offset >= period.every) config.refuse(of + "_offset", "less than " + of + "_period");
  return period;
}

ChannelStateSpaceOptions read_mixer(const ConfigReader& config, std::int64_t hidden, const NormStyle& norm) {
  return {.channels = config.dimension("mamba_expand", 2) * hidden,
          .state = config.dimension("mamba_d_state", 16),
          .step_rank = read_step_rank(config, "mamba_dt_rank", hidden),
          .kernel = config.dimension("mamba_d_conv", 4),
          .activation = config.text("hidden_act", "silu"),
          .convolution_bias = config.flag("mamba_conv_bias", true),
          .bias = config.flag("mamba_proj_bias", false),
          .dt_norm = NamedNorm{"dt_layernorm", norm},
          .b_norm = NamedNorm{"b_layernorm", norm},
          .c_norm = NamedNorm{"c_layernorm", norm}};
}

class JambaDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    const auto dims = read_stack_dims(config, kDefaults);
    const auto norm = rms(config.positive("rms_norm_eps", 1e-6));
    const auto activation = config.text("hidden_act", "silu");
    const auto attends = read_period(config, "attn_layer", {8, 4}),
               is_sparse = read_period(config, "expert_layer", {2, 1});
    const auto mixer = read_mixer(config, dims.hidden, norm);
    const MoeOptions mixture{.activation = activation,
                             .experts = config.dimension_of({"num_experts", "num_local_experts"}, 16),
                             .top_k = config.dimension("num_experts_per_tok", 2),
                             .width = dims.intermediate,
                             .routing = softmax_routing(/*renormalised=*/false),
                             .router = "router"};
    StackBuilder text(model, {.family = "jamba", .base_class = "JambaModel", .all_modules = true}, dims);
    text.embedding("embed_tokens");
    for (auto& layer : text.layers()) {
      const auto i = layer.index();
      layer.stage({.norm = layer.norm("input_layernorm", norm),
                   .op = attends.holds(i) ? gqa(layer, "self_attn") : channel_state_space(layer, "mamba", mixer)});
      layer.stage({.norm = layer.norm("pre_ff_layernorm", norm),
                   .op = is_sparse.holds(i) && mixture.experts > 1 ? moe(layer, "feed_forward", mixture)
                                                                   : gated_mlp(layer, "feed_forward", {activation})});
    }
    text.final_norm("final_layernorm", norm);
    text.output_head({.tied = read_tie(config, false)});
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(JambaDecomposer, {.name = "jamba",
                                .version = "1.0.0",
                                .license = "Apache-2.0",
                                .families = {"jamba"},
                                .model_types = kNames.model_types});
