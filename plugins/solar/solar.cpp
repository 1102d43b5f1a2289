// Solar Open (transformers: modeling_solar_open.py, configuration_solar_open.py): every layer is a mixture, DeepSeek
// 3's.
#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/sdk/family.hpp>
#include <garage/sdk/grouped_mixture.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

// SolarOpenConfig, which has no intermediate_size.
constexpr StackDims kDefaults = {4096, 48, 64, 8, 128, 1280, 196608, 131072};
constexpr GroupedMixtureDefaults kMixture = {.experts = 128, .top_k = 8, .width = 1280, .shared = 1};

const FamilyNames kNames = {"solar", {"solar_open"}, {"SolarOpenForCausalLM", "SolarOpenModel"}, {}};

// Its table may be narrower than a head, which the class then cannot turn.
Rope read_whole_rope(const ConfigReader& config, const StackDims& dims) {
  const auto rope = read_rope(config, dims, {.theta = 1e6});
  if (rope.dims != dims.head_dim)
    throw Error(Errc::kUnsupported, fmt::format("{}: partial_rotary_factor is such that {} of {} dimensions turn: the "
                                                "class turns whole heads",
                                                config.path(), rope.dims, dims.head_dim));
  return rope;
}

class SolarDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    auto dims = read_stack_dims(config, kDefaults);
    const auto norm = rms(config.positive("rms_norm_eps", 1e-5));
    const auto mixture = read_grouped_mixture(config, kMixture, config.text("hidden_act", "silu"));
    dims.intermediate = mixture.width;
    StackBuilder text(model, {.family = "solar", .base_class = "SolarOpenModel", .all_modules = true}, dims);
    text.embedding("embed_tokens");
    const GqaOptions attention{.bias = config.flag("attention_bias", false),
                               .rope = text.rotary(read_whole_rope(config, dims))};
    for (auto& layer : text.layers()) {
      layer.stage({.norm = layer.norm("input_layernorm", norm), .op = gqa(layer, "self_attn", attention)});
      layer.stage({.norm = layer.norm("post_attention_layernorm", norm), .op = moe(layer, "mlp", mixture)});
    }
    text.final_norm("norm", norm);
    text.output_head({.tied = read_tie(config, false)});
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(SolarDecomposer, {.name = "solar",
                                .version = "1.0.0",
                                .license = "Apache-2.0",
                                .families = {"solar"},
                                .model_types = kNames.model_types});
