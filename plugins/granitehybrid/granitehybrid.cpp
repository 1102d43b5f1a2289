// Granite 4's hybrids (transformers: modeling_granitemoehybrid.py, configuration_granitemoehybrid.py).
#include <garage/sdk/family.hpp>
#include <garage/sdk/state_space_config.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

// GraniteMoeHybridConfig.
constexpr StackDims kDefaults = {
    .hidden = 4096, .layers = 32, .heads = 32, .intermediate = 11008, .vocab = 32000, .max_positions = 2048};

std::vector<bool> read_attending(const ConfigReader& config, std::int64_t layers) {
  std::vector<bool> attends(static_cast<std::size_t>(layers), false);
  const auto key = config.spelling({"layer_types", "layers_block_type"});
  if (!config.has(key)) return attends;
  const auto types = read_layer_types(config, layers, {"mamba", "attention"}, key);
  for (std::size_t i = 0; i < types.size(); ++i) attends[i] = types[i] == "attention";
  return attends;
}

// GraniteMoeHybridMoE
MoeOptions read_mixture(const ConfigReader& config, const StackDims& dims, const std::string& activation) {
  return {.activation = activation,
          .experts = config.count("num_local_experts", 8),
          .top_k = config.dimension("num_experts_per_tok", 2),
          .width = dims.intermediate,
          .routing = softmax_of_chosen_routing(),
          .router = "router",
          .router_projection = "layer",
          .names = {.stacked_gate_up = "input_linear.weight", .stacked_down = "output_linear.weight"}};
}

// GraniteMoeHybridMLP: what a token visits whatever the router says, ...
struct SharedMlp {
  std::string activation;
  std::int64_t width;
};

// ... beside the mixture, ...
Part shared_mlp(LayerBuilder& layer, const SharedMlp& mlp) {
  const auto tensors = layer.tensors().of("shared_mlp");
  const auto hidden = layer.dims().hidden;
  const auto fused = tensors.linear("input_linear", hidden, 2 * mlp.width, false);
  auto made = layer.part("shared_expert", part_type::kExpert, "shared_mlp", mlp.width,
                         FeedForward{.activation = mlp.activation,
                                     .gate = rows(fused, 0, mlp.width),
                                     .up = rows(fused, mlp.width, mlp.width),
                                     .down = tensors.linear("output_linear", mlp.width, hidden, false)});
  layer.spec_of(made).extra_info["activation"] = mlp.activation;
  return made;
}

// ... or alone, where there are no experts.
Part lone_mlp(LayerBuilder& layer, const SharedMlp& mlp) {
  return fused_gated_mlp(
      layer, "shared_mlp",
      {.activation = mlp.activation, .gate_up = "input_linear", .down = "output_linear", .width = mlp.width});
}

void add_feed_forward(LayerBuilder& layer, const MoeOptions& mixture, const SharedMlp& mlp, const NormStyle& style,
                      double residual) {
  const auto norm = layer.norm("post_attention_layernorm", style);
  const auto branch = [&](const Part& op) { return Branch{.norm = norm, .op = op, .scale = residual}; };
  if (mixture.experts == 0) return layer.stage(branch(lone_mlp(layer, mlp)));
  layer.stage({branch(moe(layer, "block_sparse_moe", mixture)), branch(shared_mlp(layer, mlp))});
}

const FamilyNames kNames = {
    "granitehybrid", {"granitemoehybrid"}, {"GraniteMoeHybridForCausalLM", "GraniteMoeHybridModel"}, {}};

class GraniteHybridDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    const auto dims = read_stack_dims(config, kDefaults);
    const auto norm = rms(config.positive("rms_norm_eps", 1e-6));
    auto space = read_mamba_heads(config, config.dimension("mamba_expand", 2) * dims.hidden);
    space.norm = NamedNorm{"norm", norm};
    const auto attends = read_attending(config, dims.layers);
    const auto activation = config.text("hidden_act", "silu");
    const SharedMlp mlp{activation, config.dimension("shared_intermediate_size", 1024)};
    const auto mixture = read_mixture(config, dims, activation);
    const auto residual = config.positive("residual_multiplier", 1), divisor = config.positive("logits_scaling", 1);
    StackBuilder text(model, {.family = "granitehybrid", .base_class = "GraniteMoeHybridModel", .all_modules = true},
                      dims);
    text.embedding("embed_tokens", {.scale = config.positive("embedding_multiplier", 1), .keeps_scale = true});
    GqaOptions attention{.scale = config.positive("attention_multiplier", 1)};
    attention.bias = attention.o_bias = config.flag("attention_bias", false);
    if (config.text("position_embedding_type", "") == "rope")
      attention.rope = text.rotary(read_rope(config, dims, kWholeHeads));
    for (auto& layer : text.layers()) {
      const bool is_attention = attends[static_cast<std::size_t>(layer.index())];
      layer.stage({.norm = layer.norm("input_layernorm", norm),
                   .op = is_attention ? gqa(layer, "self_attn", attention) : head_state_space(layer, "mamba", space),
                   .scale = residual});
      add_feed_forward(layer, mixture, mlp, norm, residual);
    }
    text.final_norm("norm", norm);
    HeadOptions head{.tied = read_tie(config, false)};
    if (divisor != 1) head.logits_divisor = divisor;
    text.output_head(head);
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(GraniteHybridDecomposer, {.name = "granitehybrid",
                                        .version = "1.0.0",
                                        .license = "Apache-2.0",
                                        .families = {"granitehybrid"},
                                        .model_types = kNames.model_types});
