// Apertus (transformers: modeling_apertus.py, configuration_apertus.py): Llama's layers with norms over q and k, and
// feed-forwards whose activation has numbers of its own, which xielu_mlp.cpp computes.
#include <garage/sdk/family.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

// ApertusConfig.
constexpr StackDims kDefaults = {
    .hidden = 4096, .layers = 32, .heads = 32, .intermediate = 14336, .vocab = 131072, .max_positions = 65536};

const FamilyNames kNames = {
    "apertus",
    {"apertus"},
    {"ApertusForCausalLM", "ApertusModel"},
    {{{"mlp.act_fn.alpha_p", "mlp.act_fn.alpha_n", "attention_layernorm.weight", "feedforward_layernorm.weight"}, {}}}};

// ApertusConfig.__post_init__: without a rope there is this one; an empty rope_parameters is the plain one.
Rope read_apertus_rope(const ConfigReader& config, const StackDims& dims) {
  const RopeDefaults defaults{.theta = 12e6, .partial_rotary_factor = {}};
  const auto scaling = config.maybe_object("rope_scaling");
  if (config.has("rope_parameters") || (scaling && !scaling->members().empty()))
    return read_rope(config, dims, defaults);
  auto members = config.members();
  members["rope_parameters"] = {{"rope_type", "llama3"},   {"rope_theta", 12e6},
                                {"factor", 8.0},           {"low_freq_factor", 1.0},
                                {"high_freq_factor", 4.0}, {"original_max_position_embeddings", 8192}};
  return read_rope(ConfigReader(members, config.path()), dims, defaults);
}

// ApertusMLP with XIELUActivation; roles are their own names.
Part xielu_mlp(LayerBuilder& layer, const std::string& module) {
  const auto hidden = layer.dims().hidden, width = layer.dims().intermediate;
  CustomTensors tensors(layer.tensors().below(module + "."));
  tensors.linear("up_proj", hidden, width, /*bias=*/false);
  tensors.linear("down_proj", width, hidden, /*bias=*/false);
  tensors.add({{"act_fn.alpha_p", {1}}, {"act_fn.alpha_n", {1}}, {"act_fn.beta", {}}, {"act_fn.eps", {}}});
  auto made = layer.part("ffn", part_type::kFfn, module, width, tensors.take({}, "xielu_mlp"));
  layer.spec_of(made).extra_info["activation"] = "xielu";
  return made;
}

class ApertusDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    const auto dims = read_stack_dims(config, kDefaults);
    const auto norm = rms(config.positive("rms_norm_eps", 1e-5));
    const auto activation = config.text("hidden_act", "xielu");
    const bool bias = config.flag("attention_bias", false);
    StackBuilder text(model, {.family = "apertus", .base_class = "ApertusModel", .all_modules = true}, dims);
    text.embedding("embed_tokens");
    const auto rope = text.rotary(read_apertus_rope(config, dims));
    for (auto& layer : text.layers()) {
      layer.stage(
          {.norm = layer.norm("attention_layernorm", norm),
           .op = gqa(layer, "self_attn", {.bias = bias, .o_bias = bias, .qk_norm = QkNorm{norm}, .rope = rope})});
      layer.stage({.norm = layer.norm("feedforward_layernorm", norm),
                   .op = activation == "xielu"
                             ? xielu_mlp(layer, "mlp")
                             : plain_mlp(layer, "mlp", {activation, "up_proj", "down_proj", /*bias=*/false})});
    }
    text.final_norm("norm", norm);
    text.output_head({.tied = read_tie(config, false)});
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(ApertusDecomposer, {.name = "apertus",
                                  .version = "1.0.0",
                                  .license = "Apache-2.0",
                                  .families = {"apertus"},
                                  .model_types = kNames.model_types});
