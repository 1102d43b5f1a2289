// AFMoE, Arcee's Trinity (transformers: modeling_afmoe.py, configuration_afmoe.py): layers between norms on both sides,
// attention through a gate, and mixtures of a sigmoid router.
#include <cmath>

#include <garage/sdk/family.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

// AfmoeConfig.
constexpr StackDims kDefaults = {.hidden = 2048,
                                 .layers = 32,
                                 .heads = 16,
                                 .head_dim = 128,
                                 .intermediate = 6144,
                                 .vocab = 200192,
                                 .max_positions = 16384};

const FamilyNames kNames = {"afmoe",
                            {"afmoe"},
                            {"AfmoeForCausalLM", "AfmoeModel"},
                            {{{"pre_mlp_layernorm.weight", "post_mlp_layernorm.weight", "self_attn.gate_proj.weight",
                               "self_attn.q_norm.weight"},
                              {}}}};

// AfmoeModel makes a mask of the window for every model, and fails where there is none.
LayerWindows read_afmoe_windows(const ConfigReader& config, const StackDims& dims) {
  if (config.is_null("sliding_window"))
    config.refuse("sliding_window", "a whole number: the class always has a window");
  const auto n = config.dimension("global_attn_every_n_layers", 4);
  return read_windows(config, dims.layers,
                      {.window = 1024, .slides = [n](std::int64_t layer) { return (layer + 1) % n != 0; }});
}

// AfmoeTokenChoiceRouter, AfmoeSparseMoeBlock.
MoeOptions read_mixture(const ConfigReader& config, const std::string& activation) {
  MoeOptions mixture{.activation = activation,
                     .experts = config.dimension("num_experts", 64),
                     .top_k = config.dimension("num_experts_per_tok", 6),
                     .width = config.dimension("moe_intermediate_size", 1408)};
  auto& routing = mixture.routing;
  routing.scoring = Scoring::sigmoid;
  routing.renormalise = true;
  routing.sum_epsilon = 1e-20;
  routing.scale = config.positive("route_scale", 1);
  routing.correction = {"expert_bias"};
  mixture.router = "router";
  mixture.router_projection = "gate";
  mixture.shared_width = mixture.width * config.dimension("num_shared_experts", 2);
  mixture.shared_gate = false;
  mixture.shared = "shared_experts";
  return mixture;
}

class AfmoeDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    const auto dims = read_stack_dims(config, kDefaults);
    const auto norm = rms_before_cast(config.positive("rms_norm_eps", 1e-5));
    const auto activation = config.text("hidden_act", "silu");
    const bool bias = config.flag("attention_bias", false);
    const auto windows = read_afmoe_windows(config, dims);
    const auto mixture = read_mixture(config, activation);
    const auto dense = config.count("num_dense_layers", 1);
    const double scale = config.flag("mup_enabled", false) ? std::sqrt(static_cast<double>(dims.hidden)) : 1;
    StackBuilder text(model, {.family = "afmoe", .base_class = "AfmoeModel", .all_modules = true}, dims);
    text.embedding("embed_tokens", {.scale = scale, .keeps_scale = true});
    const auto rope = text.rotary(read_rope(config, dims, kWholeHeads));
    for (auto& layer : text.layers()) {
      GqaOptions attention{.bias = bias, .o_bias = bias, .qk_norm = QkNorm{norm}, .window = windows.at(layer.index())};
      attention.gate = "gate_proj";
      if (windows.slides_at(layer.index())) attention.rope = rope;
      layer.stage({.norm = layer.norm("input_layernorm", norm),
                   .op = gqa(layer, "self_attn", attention),
                   .post_norm = layer.norm("post_attention_layernorm", norm)});
      layer.stage({.norm = layer.norm("pre_mlp_layernorm", norm),
                   .op = layer.index() < dense ? gated_mlp(layer, "mlp", {activation}) : moe(layer, "mlp", mixture),
                   .post_norm = layer.norm("post_mlp_layernorm", norm)});
    }
    text.final_norm("norm", norm);
    text.output_head({.tied = read_tie(config, false)});
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(AfmoeDecomposer, {.name = "afmoe",
                                .version = "1.0.0",
                                .license = "Apache-2.0",
                                .families = {"afmoe"},
                                .model_types = kNames.model_types});
