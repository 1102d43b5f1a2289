// Mamba 2 and Falcon-Mamba, which has Mamba's mixer with norms of what it selects (transformers: modeling_mamba2.py,
// modeling_falcon_mamba.py and their configurations).
#include <garage/sdk/family.hpp>
#include <garage/sdk/state_space_config.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

const FamilyNames kNames = {"mamba2",
                            {"mamba2", "falcon_mamba"},
                            {"Mamba2ForCausalLM", "Mamba2Model", "FalconMambaForCausalLM", "FalconMambaModel"},
                            {}};

// Mamba2Config. The class always norms, whatever rms_norm says.
HeadStateSpaceOptions read_mamba2(const ConfigReader& config, std::int64_t hidden, double eps) {
  HeadStateSpaceOptions space{.heads = config.dimension("num_heads", 128),
                              .head_dim = config.dimension("head_dim", 64),
                              .groups = config.dimension("n_groups", 8),
                              .state = config.dimension("state_size", 128),
                              .kernel = config.dimension("conv_kernel", 4),
                              .activation = config.text("hidden_act", "silu"),
                              .convolution_bias = config.flag("use_conv_bias", true)};
  if (space.heads * space.head_dim != config.dimension("expand", 2) * hidden)
    config.refuse("expand", "such that expand * hidden_size is num_heads * head_dim");
  space.bias = space.o_bias = config.flag("use_bias", false);
  space.norm = NamedNorm{"norm", rms(eps)};
  const auto bounds = read_step_bounds(config);
  space.dt_min = bounds.least;
  space.dt_max = bounds.most;
  return space;
}

// FalconMambaConfig computes the mixer's width, expand * hidden_size; a config's own intermediate_size stands before
// it.
ChannelStateSpaceOptions read_falcon_mamba(const ConfigReader& config, std::int64_t hidden) {
  const auto width = config.maybe_dimension("intermediate_size");
  ChannelStateSpaceOptions space{.channels = width ? *width : config.dimension("expand", 2) * hidden,
                                 .state = config.dimension("state_size", 16),
                                 .step_rank = read_step_rank(config, "time_step_rank", hidden),
                                 .kernel = config.dimension("conv_kernel", 4),
                                 .activation = config.text("hidden_act", "silu"),
                                 .convolution_bias = config.flag("use_conv_bias", true),
                                 .bias = config.flag("use_bias", false)};
  const NormStyle weightless{.eps = config.positive("mixer_rms_eps", 1e-6), .has_weight = false};
  space.dt_norm = space.b_norm = space.c_norm = NamedNorm{"", weightless};
  return space;
}

StackDims read_dims(const ConfigReader& config, const StackDims& defaults) {
  StackDims dims;
  dims.hidden = config.dimension("hidden_size", defaults.hidden);
  dims.layers = config.dimension("num_hidden_layers", defaults.layers);
  dims.vocab = config.dimension("vocab_size", defaults.vocab);
  return dims;
}

class Mamba2Decomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    const auto eps = config.positive("layer_norm_epsilon", 1e-5);
    if (is_of(model, "falcon_mamba")) {
      const auto dims = read_dims(config, {.hidden = 768, .layers = 32, .vocab = 50280});
      const auto space = read_falcon_mamba(config, dims.hidden);
      return built(model, "FalconMambaModel", dims, eps, read_tie(config, true),
                   [&](LayerBuilder& layer) { return channel_state_space(layer, "mixer", space); });
    }
    const auto dims = read_dims(config, {.hidden = 4096, .layers = 64, .vocab = 32768});
    const auto space = read_mamba2(config, dims.hidden, eps);
    return built(model, "Mamba2Model", dims, eps, read_tie(config, false),
                 [&](LayerBuilder& layer) { return head_state_space(layer, "mixer", space); });
  }

 private:
  template <class Mixer>
  static ModelSpec built(const Model& model, const char* base_class, const StackDims& dims, double eps, bool tied,
                         Mixer mixer) {
    StackBuilder text(model, {.family = "mamba2", .base_class = base_class, .prefix = "backbone.", .all_modules = true},
                      dims);
    text.embedding("embeddings");
    for (auto& layer : text.layers()) layer.stage({.norm = layer.norm("norm", rms(eps)), .op = mixer(layer)});
    text.final_norm("norm_f", rms(eps));
    text.output_head({.tied = tied});
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(Mamba2Decomposer, {.name = "mamba2",
                                 .version = "1.0.0",
                                 .license = "Apache-2.0",
                                 .families = {"mamba2"},
                                 .model_types = kNames.model_types});
