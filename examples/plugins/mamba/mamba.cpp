// Mamba (transformers: modeling_mamba.py, configuration_mamba.py; arXiv:2312.00752). Its mixer is no attention: what it
// computes is in mamba_mixer.cpp, which the garage opens when such a part is first asked for.
#include <cmath>

#include <garage/sdk/claim.hpp>
#include <garage/sdk/decoder.hpp>
#include <garage/sdk/plugin.hpp>

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
    DecoderDims dims;
    dims.hidden = config.dimension("hidden_size", 768);
    dims.layers = config.dimension("num_hidden_layers", 32);
    dims.vocab = config.dimension("vocab_size", 50280);
    const auto mixer = mixer_dims(config, dims.hidden);
    const auto eps = config.positive("layer_norm_epsilon", 1e-5);

    DecoderBuilder build(model, dims,
                         {.family = "mamba",
                          .base_class = "MambaModel",
                          .prefix = "backbone.",
                          .embedding = "embeddings",
                          .layers = "layers"});
    build.spec().extra_info = {{"state_size", mixer.state}, {"conv_kernel", mixer.conv}};
    build.embedding("embedding", "embeddings", dims.vocab, {});
    for (std::int64_t i = 0; i < dims.layers; ++i) {
      const auto module = build.layer_module(i);
      auto& part = build.part(part_name("mixer", i), part_type::kMixer, module + ".mixer", dims.hidden, dims.hidden,
                              custom_mixer(build, module + ".mixer", config, mixer));
      part.layer_idx = i;
      part.intermediate_dim = mixer.inner;
      build.norm(part_name("norm", i), i, module + ".norm", build.rms_norm(module + ".norm", eps));
      build.layer(i, mixer.inner, {.attention_norm = part_name("norm", i), .attention = part_name("mixer", i)});
    }
    build.final_norm("norm_f", "norm_f", build.rms_norm("norm_f", eps));
    build.output_head({.declared_tied = config.flag("tie_word_embeddings", true)});
    return build.finish();
  }

 private:
  // The roles are MambaMixer's own names, so that a reader of modeling_mamba.py finds them.
  static Custom custom_mixer(const DecoderBuilder& build, const std::string& module, const ConfigReader& config,
                             const MixerDims& dims) {
    Custom custom{.builder = "mamba_mixer"};
    custom.attributes = {{"activation", config.text("hidden_act", "silu")}, {"time_step_rank", dims.rank}};
    const auto add = [&](const std::string& name, std::vector<std::int64_t> shape) {
      custom.tensors[name] = {build.tensor(module + "." + name), std::move(shape)};
    };
    add("in_proj.weight", {2 * dims.inner, dims.hidden});
    add("conv1d.weight", {dims.inner, 1, dims.conv});
    add("x_proj.weight", {dims.rank + 2 * dims.state, dims.inner});
    add("dt_proj.weight", {dims.inner, dims.rank});
    add("dt_proj.bias", {dims.inner});
    add("A_log", {dims.inner, dims.state});
    add("D", {dims.inner});
    add("out_proj.weight", {dims.hidden, dims.inner});
    if (config.flag("use_conv_bias", true)) add("conv1d.bias", {dims.inner});
    if (config.flag("use_bias", false)) {
      add("in_proj.bias", {2 * dims.inner});
      add("out_proj.bias", {dims.hidden});
    }
    return custom;
  }
};

}  // namespace

GARAGE_PLUGIN(MambaDecomposer, {.name = "mamba",
                                .version = "1.0.0",
                                .license = "Apache-2.0",
                                .url = "",
                                .families = {"mamba"},
                                .model_types = kNames.model_types});
