// Mamba (transformers: modeling_mamba.py, configuration_mamba.py; arXiv:2312.00752). Its mixer is no attention: what it
// computes is in mamba_mixer.cpp, which the garage opens when such a part is first asked for.
#include <garage/sdk/family.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

struct MixerDims {
  std::int64_t hidden, inner, state, conv, rank;
};

MixerDims mixer_dims(const ConfigReader& config, std::int64_t hidden) {
  MixerDims dims{};
  dims.hidden = hidden;
  // MambaConfig computes intermediate_size and "auto" itself; files of transformers 5 have the numbers.
  dims.inner = config.dimension("intermediate_size", config.dimension("expand", 2) * hidden);
  dims.state = config.dimension("state_size", 16);
  dims.conv = config.dimension("conv_kernel", 4);
  const bool automatic = !config.has("time_step_rank") || config.is_text("time_step_rank");
  dims.rank = automatic ? (hidden + 15) / 16 : config.dimension("time_step_rank");
  return dims;
}

const FamilyNames kNames = {"mamba",
                            {"mamba"},
                            {"MambaForCausalLM", "MambaModel"},
                            {{{"mixer.A_log", "mixer.x_proj.weight", "mixer.dt_proj.weight", "norm.weight"}, {}}}};

class MambaDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    StackDims dims;
    dims.hidden = config.dimension("hidden_size", 768);
    dims.layers = config.dimension("num_hidden_layers", 32);
    dims.vocab = config.dimension("vocab_size", 50280);
    const auto mixer = mixer_dims(config, dims.hidden);
    const auto norm = rms(config.positive("layer_norm_epsilon", 1e-5));

    StackBuilder text(model, {.family = "mamba", .base_class = "MambaModel", .prefix = "backbone."}, dims);
    text.extra_info() = {{"state_size", mixer.state}, {"conv_kernel", mixer.conv}};
    text.embedding("embeddings");
    for (auto& layer : text.layers())
      layer.stage({.norm = layer.norm("norm", norm),
                   .op = layer.part("mixer", part_type::kMixer, "mixer", mixer.inner,
                                    mixer_of(layer.tensors().below("mixer."), config, mixer))});
    text.final_norm("norm_f", norm);
    text.output_head({.tied = read_tie(config, true)});
    return text.finish();
  }

 private:
  // The roles are MambaMixer's own names, so that a reader of modeling_mamba.py finds them.
  static Custom mixer_of(const Tensors& tensors, const ConfigReader& config, const MixerDims& dims) {
    CustomTensors table(tensors);
    table.linear("in_proj", dims.hidden, 2 * dims.inner, config.flag("use_bias", false));
    table.linear("x_proj", dims.inner, dims.rank + 2 * dims.state, false);
    table.linear("dt_proj", dims.rank, dims.inner);
    table.linear("out_proj", dims.inner, dims.hidden, config.flag("use_bias", false));
    table.add(
        {{"conv1d.weight", {dims.inner, 1, dims.conv}}, {"A_log", {dims.inner, dims.state}}, {"D", {dims.inner}}});
    if (config.flag("use_conv_bias", true)) table.add("conv1d.bias", {dims.inner});
    return table.take({{"activation", config.text("hidden_act", "silu")}, {"time_step_rank", dims.rank}},
                      "mamba_mixer");
  }
};

}  // namespace

GARAGE_PLUGIN(MambaDecomposer, {.name = "mamba",
                                .version = "1.0.0",
                                .license = "Apache-2.0",
                                .families = {"mamba"},
                                .model_types = kNames.model_types});
